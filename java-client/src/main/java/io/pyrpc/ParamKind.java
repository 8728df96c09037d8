package io.pyrpc;

/** How an argument is passed, by Python's rules. */
public enum ParamKind {
    POSITIONAL_ONLY,
    POSITIONAL_OR_NAMED,
    VAR_POSITIONAL,
    NAMED_ONLY,
    VAR_NAMED
}
