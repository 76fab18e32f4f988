/** Files. */
@NullMarked
package org.lrfinder.io;

import org.jspecify.annotations.NullMarked;
