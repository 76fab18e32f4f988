/**
 * The learning-rate finder: {@link org.lrfinder.LrFinder} runs a sweep, {@link
 * org.lrfinder.LrFinderResult} says what it found.
 */
@NullMarked
package org.lrfinder;

import org.jspecify.annotations.NullMarked;
