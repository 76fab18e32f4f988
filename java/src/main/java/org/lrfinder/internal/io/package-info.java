/** Files. */
@NullMarked
package org.lrfinder.internal.io;

import org.jspecify.annotations.NullMarked;
