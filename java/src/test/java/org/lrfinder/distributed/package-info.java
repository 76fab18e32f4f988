@NullMarked
package org.lrfinder.distributed;

import org.jspecify.annotations.NullMarked;
