package io.pyrpc;

/**
 * One parameter of a stage.
 *
 * @param hasDefault whether it may be left out
 * @param annotation the type hint as its source shows it, or null
 * @param tensor which arrays fit; null: not declared
 */
public record ParamInfo(String name, ParamKind kind, boolean hasDefault, String annotation, TensorSpec tensor) {}
