package io.pyrpc.stage;

import io.pyrpc.ParamInfo;
import io.pyrpc.ParamKind;
import io.pyrpc.StageInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Stages as one readable line: {@code Vision.extract(images: uint8[n,28,28], scale: float = ...) -> float32[n,64]}.
 */
public final class Description {
    private Description() {}

    /** The signature of a stage in one line; defaults do not travel, so each is shown as "...". */
    public static String of(StageInfo info) {
        List<String> shown = new ArrayList<>();
        boolean isNamedOnlyMarked = false;
        for (int index = 0; index < info.params().size(); index++) {
            ParamInfo param = info.params().get(index);
            if (param.kind() == ParamKind.VAR_POSITIONAL) {
                isNamedOnlyMarked = true;
            } else if (param.kind() == ParamKind.NAMED_ONLY && !isNamedOnlyMarked) {
                shown.add("*");
                isNamedOnlyMarked = true;
            }
            shown.add(parameter(param));
            if (isPositionalOnly(info, index) && !isPositionalOnly(info, index + 1)) {
                shown.add("/");
            }
        }
        return info.name() + "(" + String.join(", ", shown) + ")" + result(info);
    }

    private static boolean isPositionalOnly(StageInfo info, int index) {
        return index < info.params().size() && info.params().get(index).kind() == ParamKind.POSITIONAL_ONLY;
    }

    private static String parameter(ParamInfo param) {
        String stars =
                switch (param.kind()) {
                    case VAR_POSITIONAL -> "*";
                    case VAR_NAMED -> "**";
                    default -> "";
                };
        String hint = param.tensor() == null ? param.annotation() : Spec.format(param.tensor());
        String text = stars + param.name() + (hint == null ? "" : ": " + hint);
        if (!param.hasDefault()) {
            return text;
        }
        return text + (hint == null ? "=..." : " = ...");
    }

    private static String result(StageInfo info) {
        if (info.gives() == null || info.gives().isEmpty()) {
            return info.returns() == null ? "" : " -> " + info.returns();
        }
        String specs = info.gives().stream().map(Spec::format).collect(Collectors.joining(", "));
        if (!info.givesTuple()) {
            return " -> " + specs;
        }
        return info.gives().size() == 1 ? " -> (" + specs + ",)" : " -> (" + specs + ")";
    }
}
