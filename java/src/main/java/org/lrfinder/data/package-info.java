/** Batches, and where they come from. */
@NullMarked
package org.lrfinder.data;

import org.jspecify.annotations.NullMarked;
