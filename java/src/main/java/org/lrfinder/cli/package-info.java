/** The command line. */
@NullMarked
package org.lrfinder.cli;

import org.jspecify.annotations.NullMarked;
