package io.pyrpc.wire;

import io.pyrpc.errors.Detail;
import io.pyrpc.errors.ProtocolException;
import io.pyrpc.gen.Value;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the union Value. */
final class Values {
    static final int NULL = Value._Fields.NULL_VALUE.getThriftFieldId();
    static final int BOOL = Value._Fields.BOOL_VALUE.getThriftFieldId();
    static final int INT = Value._Fields.INT_VALUE.getThriftFieldId();
    static final int DOUBLE = Value._Fields.DOUBLE_VALUE.getThriftFieldId();
    static final int STRING = Value._Fields.STRING_VALUE.getThriftFieldId();
    static final int BINARY = Value._Fields.BINARY_VALUE.getThriftFieldId();
    static final int TENSOR = Value._Fields.TENSOR_VALUE.getThriftFieldId();
    static final int LIST = Value._Fields.LIST_VALUE.getThriftFieldId();
    static final int MAP = Value._Fields.MAP_VALUE.getThriftFieldId();
    static final int REF = Value._Fields.REF_VALUE.getThriftFieldId();
    static final int REF_ID = io.pyrpc.gen.Ref._Fields.ID.getThriftFieldId();

    private Values() {}

    /** Read the struct: null, Boolean, Long, Double, String, byte[], NdArray, List, Map or Ref. */
    static Object read(BinaryReader r, RowPlace place) throws IOException {
        int kind = r.field();
        Object value = readMember(r, kind, r.fieldId, place);
        if (r.field() != Wire.STOP) {
            throw new ProtocolException("a Value with more than one member");
        }
        return value;
    }

    private static Object readMember(BinaryReader r, int kind, int id, RowPlace place) throws IOException {
        if (id == TENSOR && kind == Wire.STRUCT) {
            return Tensors.read(r, place);
        } else if (id == INT && kind == Wire.I64) {
            return r.i64();
        } else if (id == DOUBLE && kind == Wire.DOUBLE) {
            return r.f64();
        } else if (id == STRING && kind == Wire.STRING) {
            return r.string();
        } else if (id == BINARY && kind == Wire.STRING) {
            return r.bytes();
        } else if (id == BOOL && kind == Wire.BOOL) {
            return r.bool();
        } else if (id == NULL && kind == Wire.BOOL) {
            r.bool();
            return null;
        } else if (id == LIST && kind == Wire.LIST) {
            return readList(r, place);
        } else if (id == MAP && kind == Wire.MAP) {
            return readMap(r, place);
        } else if (id == REF && kind == Wire.STRUCT) {
            return readRef(r);
        }
        throw new ProtocolException(
                "a Value with an unknown or empty member", Detail.NONE.withGot("field " + id + ", wire type " + kind));
    }

    private static List<Object> readList(BinaryReader r, RowPlace place) throws IOException {
        r.enter();
        int count = r.list();
        if (count > 0 && r.itemKind != Wire.STRUCT) {
            throw new ProtocolException(
                    "a list of something other than Value", Detail.NONE.withGot("wire type " + r.itemKind));
        }
        List<Object> values = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            values.add(read(r, place));
        }
        r.leave();
        return values;
    }

    private static Map<String, Object> readMap(BinaryReader r, RowPlace place) throws IOException {
        r.enter();
        int count = r.map();
        if (count > 0 && (r.keyKind != Wire.STRING || r.itemKind != Wire.STRUCT)) {
            throw new ProtocolException(
                    "a map of something other than string to Value",
                    Detail.NONE.withGot("wire types " + r.keyKind + ", " + r.itemKind));
        }
        Map<String, Object> values = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            String key = r.string();
            values.put(key, read(r, place));
        }
        r.leave();
        return values;
    }

    static Ref readRef(BinaryReader r) throws IOException {
        String id = null;
        for (int kind = r.field(); kind != Wire.STOP; kind = r.field()) {
            if (r.fieldId == REF_ID && kind == Wire.STRING) {
                id = r.string();
            } else {
                r.skip(kind);
            }
        }
        if (id == null) {
            throw new ProtocolException("a Ref without an id");
        }
        return new Ref(id);
    }
}
