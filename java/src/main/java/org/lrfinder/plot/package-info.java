/** Pictures of a curve. They see a result's values and nothing else. */
@NullMarked
package org.lrfinder.plot;

import org.jspecify.annotations.NullMarked;
