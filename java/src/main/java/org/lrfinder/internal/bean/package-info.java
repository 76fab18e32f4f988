/** Properties of a user's objects, read and written by name. Not for users. */
@NullMarked
package org.lrfinder.internal.bean;

import org.jspecify.annotations.NullMarked;
