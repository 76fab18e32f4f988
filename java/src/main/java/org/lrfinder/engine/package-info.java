/**
 * Which engine computes the steps of a sweep, what it was, what it replayed, and what it throws.
 * The engines themselves are not for users.
 */
@NullMarked
package org.lrfinder.engine;

import org.jspecify.annotations.NullMarked;
