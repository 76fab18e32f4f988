/**
 * Which engine computes the steps of a sweep, what it was, and what it throws. The engines
 * themselves are not for users.
 */
@NullMarked
package org.lrfinder.engine;

import org.jspecify.annotations.NullMarked;
