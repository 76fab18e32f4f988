/**
 * Rules that suggest a learning rate from a curve. They see the curve and what the sweep was to do,
 * never the model, the optimizer or the data.
 */
@NullMarked
package org.lrfinder.suggestion;

import org.jspecify.annotations.NullMarked;
