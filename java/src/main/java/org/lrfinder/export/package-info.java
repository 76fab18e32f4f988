/** Files that hold a curve. They see a result's values and nothing else. */
@NullMarked
package org.lrfinder.export;

import org.jspecify.annotations.NullMarked;
