/** Rules that suggest a learning rate from a curve. They see the curve and nothing else. */
@NullMarked
package org.lrfinder.suggestion;

import org.jspecify.annotations.NullMarked;
