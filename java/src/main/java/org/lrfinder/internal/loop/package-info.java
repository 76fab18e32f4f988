/** The loop of a sweep: steps, batches, validation, and when to end. Not for users. */
@NullMarked
package org.lrfinder.internal.loop;

import org.jspecify.annotations.NullMarked;
