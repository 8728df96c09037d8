package io.pyrpc.stage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.ParamInfo;
import io.pyrpc.ParamKind;
import io.pyrpc.StageInfo;
import io.pyrpc.TensorSpec;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.ContractException;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ContractTest {
    private static final TensorSpec IMAGES = new TensorSpec(List.of("uint8"), List.of("n", "28", "28"));
    private static final TensorSpec WEIGHTS = new TensorSpec(List.of("float"), List.of("d", "k"));
    private static final StageInfo EXTRACT = stage(
            List.of(new TensorSpec(List.of("float32"), List.of("n", "784"))),
            param("images", ParamKind.POSITIONAL_OR_NAMED, false, IMAGES),
            param("scale", ParamKind.POSITIONAL_OR_NAMED, true, null),
            param("mask", ParamKind.NAMED_ONLY, true, WEIGHTS));

    private static ParamInfo param(String name, ParamKind kind, boolean hasDefault, TensorSpec tensor) {
        return new ParamInfo(name, kind, hasDefault, null, tensor);
    }

    private static StageInfo stage(List<TensorSpec> gives, ParamInfo... params) {
        return new StageInfo("Vision.extract", "", List.of(params), gives, false, null, null, null);
    }

    private static NdArray bytes(long... shape) {
        return NdArray.zeros(DType.UINT8, shape);
    }

    private static Map<String, Long> bind(Map<String, ?> named, Object... positional) {
        return new Contract(EXTRACT).bind(Arrays.asList(positional), named);
    }

    private static ContractException misfit(Object value) {
        return assertThrows(ContractException.class, () -> bind(Map.of(), value));
    }

    private static String wrong(Map<String, ?> named, Object... positional) {
        ArgumentException error = assertThrows(ArgumentException.class, () -> bind(named, positional));
        assertEquals(Description.of(EXTRACT), error.expected());
        return error.got() + " | " + error.help();
    }

    @Test
    void aCallThatFitsBindsItsDims() {
        assertEquals(Map.of("n", 5L), bind(Map.of(), bytes(5, 28, 28)));
        Map<String, ?> named = Map.of("mask", NdArray.zeros(DType.FLOAT16, 2, 3));
        assertEquals(Map.of("n", 5L, "d", 2L, "k", 3L), bind(named, bytes(5, 28, 28), 1.0));
    }

    @Test
    void aStageIsShownInOneLine() {
        assertEquals(
                "Vision.extract(images: uint8[n,28,28], scale=..., *, mask: float[d,k] = ...) -> float32[n,784]",
                Description.of(EXTRACT));
    }

    @Test
    void wrongDtypesAndShapesAreToldWithWhatToDo() {
        ContractException dtype = misfit(NdArray.zeros(DType.FLOAT64, 5, 28, 28));
        assertEquals(
                "Vision.extract: images has the wrong dtype; expected uint8[n,28,28]; got float64[5,28,28]",
                dtype.summary());
        assertEquals("convert it to uint8", dtype.help());
        assertEquals("one row alone needs its axis of rows too: reshape it", misfit(bytes(28, 28)).help());
        assertEquals("make axis 2 28 long", misfit(bytes(5, 28, 27)).help());
        assertEquals("reshape it to 3 dims", misfit(bytes(5, 28, 28, 1)).help());
        assertEquals("Vision.extract: images is not an NdArray", misfit("text").what());
    }

    @Test
    void namedDimsAgreeOverACall() {
        StageInfo predict = stage(
                null,
                param("x", ParamKind.POSITIONAL_OR_NAMED, false, new TensorSpec(List.of(), List.of("n", "d"))),
                param("weights", ParamKind.POSITIONAL_OR_NAMED, false, WEIGHTS));
        List<NdArray> args = List.of(NdArray.zeros(DType.FLOAT32, 5, 4), NdArray.zeros(DType.FLOAT32, 3, 2));
        ContractException error =
                assertThrows(ContractException.class, () -> new Contract(predict).bind(args, Map.of()));
        assertEquals("float[d=4,k]", error.expected());
        assertEquals("d is 4 already in this call, and 3 here: make them agree", error.help());
    }

    @Test
    void wrongArgumentsAreListed() {
        NdArray images = bytes(5, 28, 28);
        assertEquals("missing images | give images too", wrong(Map.of()));
        assertEquals("3 positional, at most 2 | the parameters are images, scale, mask", wrong(Map.of(), images, 1, 2));
        assertEquals("images twice | the parameters are images, scale, mask", wrong(Map.of("images", 1), images));
        assertEquals("unexpected scael | did you mean 'scale'?", wrong(Map.of("scael", 1), images));
    }

    @Test
    void nullFitsWhereThereIsADefault() {
        assertEquals(Map.of("n", 5L), bind(Collections.singletonMap("mask", null), bytes(5, 28, 28)));
        assertEquals("null", misfit(null).got());
    }

    private static void fits(TensorSpec spec, NdArray array) {
        new ArrayCheck(spec).check("x", array, new HashMap<>(), "f");
    }

    @Test
    void leadingDimsMayBeAny() {
        TensorSpec spec = new TensorSpec(List.of("number"), List.of("...", "3"));
        fits(spec, NdArray.zeros(DType.COMPLEX64, 2, 2, 3));
        fits(spec, NdArray.zeros(DType.INT8, 3));
        assertThrows(ContractException.class, () -> fits(spec, NdArray.zeros(DType.BOOL, 3)));
    }

    @Test
    void aUnitOfTimeCountsWhereItIsDeclared() {
        NdArray days = NdArray.ofTimes(DType.datetime64("D"), new long[] {1});
        fits(new TensorSpec(List.of("datetime64"), null), days);
        fits(new TensorSpec(List.of("datetime64[D]"), null), days);
        assertThrows(
                ContractException.class, () -> fits(new TensorSpec(List.of("datetime64[s]"), null), days));
        assertEquals("datetime64[D,]", Spec.format(new TensorSpec(List.of("datetime64"), List.of("D"))));
    }

    @Test
    void theContractTellsWhatNoRowsGive() {
        NdArray empty = (NdArray) new Contract(EXTRACT).emptyResult(Map.of("n", 0L));
        assertEquals(DType.FLOAT32, empty.dtype());
        assertArrayEquals(new long[] {0, 784}, empty.shape());
        StageInfo open = stage(List.of(new TensorSpec(List.of("float"), List.of("n"))));
        assertNull(new Contract(open).emptyResult(Map.of()));
        assertNull(new Contract(stage(null)).emptyResult(Map.of()));
    }
}
