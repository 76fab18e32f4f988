package org.lrfinder.testkit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A test that runs once on each of {@link EnginesUnderTest}, which is its one parameter. */
@ParameterizedTest
@MethodSource("org.lrfinder.testkit.EnginesUnderTest#stream")
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
public @interface OnEachEngine {}
