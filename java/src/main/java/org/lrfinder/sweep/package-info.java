/**
 * The vocabulary of a sweep over learning rates and its rules: settings, losses, rates, the running
 * loss, the curve. Everything else builds on this package; it builds on nothing of the library.
 */
@NullMarked
package org.lrfinder.sweep;

import org.jspecify.annotations.NullMarked;
