// Rules of the library beside the generated code; bytes of a node that are none must be errors.
package node

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"interop-client/gen/pyrpc"
)

func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("expected an error with %q, got %v", word, err)
		}
	}
}

func TestShapesThatDoNotFitAreRefused(t *testing.T) {
	for _, shape := range [][]int64{{2, 4}, {}, {7}, {-2, -3}, {math.MaxInt64, 2}, {0}} {
		_, err := NewTensor([]float32{1, 2, 3, 4, 5, 6}, shape...)
		refused(t, err, "the shape")
		_, err = NewStrings([]string{"a", "b", "c", "d", "e", "f"}, shape...)
		refused(t, err, "the shape")
	}
	_, err := Zeros(pyrpc.DType_FLOAT64, 1<<40, 1<<40)
	refused(t, err, "too many elements")
	_, err = Zeros(pyrpc.DType_STRING, 2)
	refused(t, err, "STRING")
}

func TestDtypesOfOtherElementsAreRefused(t *testing.T) {
	tensor, err := NewTensor([]int32{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Slice[float32](tensor)
	refused(t, err, "INT32", "FLOAT32")
	_, err = Slice[uint16](tensor)
	refused(t, err, "INT32")
	_, err = Strings(tensor)
	refused(t, err, "INT32")
	_, err = NewTensorOf(pyrpc.DType_FLOAT32, []uint16{1})
	refused(t, err, "FLOAT32", "4", "2")
}

func TestSlicesShareTheMemoryOfTensors(t *testing.T) {
	elements := []float64{1, 2, 3}
	tensor, _ := NewTensor(elements)
	found, err := Slice[float64](tensor)
	if err != nil || &found[0] != &elements[0] {
		t.Errorf("they do not: %v", err)
	}
	// Data that begins between two elements is copied.
	moved := append(make([]byte, 1, 25), tensor.Data...)
	tensor.Data = moved[1:]
	found, err = Slice[float64](tensor)
	if err != nil || !slices.Equal(found, elements) {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestEmptyArraysHaveNoElements(t *testing.T) {
	tensor, err := NewTensor([]int16{}, 0, 3)
	if err != nil || tensor.Data == nil {
		t.Errorf("got %v, %v", tensor, err)
	}
	found, err := Slice[int16](tensor)
	if err != nil || len(found) != 0 {
		t.Errorf("got %v, %v", found, err)
	}
	texts, err := NewStrings(nil, 0)
	if err != nil || len(texts.Data) != 8 {
		t.Errorf("got %v, %v", texts, err)
	}
}

func TestBytesThatAreNoArrayAreRefused(t *testing.T) {
	_, err := Slice[int32](&pyrpc.Tensor{Dtype: pyrpc.DType_INT32, Shape: []int64{1}, Data: make([]byte, 5)})
	refused(t, err, "5 bytes")
	_, err = Slice[int32](&pyrpc.Tensor{Dtype: pyrpc.DType_INT32, Shape: []int64{3}, Data: make([]byte, 8)})
	refused(t, err, "[3]", "2")
	for _, offsets := range [][]uint64{{0}, {0, 9}, {5, 1}, {1 << 63, 1 << 63}, {0, math.MaxUint64}} {
		var data []byte
		for _, offset := range offsets {
			data = binary.LittleEndian.AppendUint64(data, offset)
		}
		_, err = Strings(&pyrpc.Tensor{Dtype: pyrpc.DType_STRING, Shape: []int64{1}, Data: append(data, "text"...)})
		if err == nil {
			t.Errorf("offsets %v were taken", offsets)
		}
	}
	none := int32(0)
	_, err = Strings(&pyrpc.Tensor{Dtype: pyrpc.DType_BYTES, Shape: []int64{1 << 50}, Itemsize: &none})
	refused(t, err, "too many")
	for _, itemsize := range []int32{-4, 0, 3, math.MaxInt32} {
		_, err = Strings(&pyrpc.Tensor{Dtype: pyrpc.DType_UNICODE, Shape: []int64{2}, Data: make([]byte, 8), Itemsize: &itemsize})
		refused(t, err, "8 bytes")
	}
}

func FuzzStrings(f *testing.F) {
	f.Add(int64(pyrpc.DType_STRING), int64(1), int32(0), make([]byte, 16))
	f.Add(int64(pyrpc.DType_UNICODE), int64(1), int32(4), []byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, dtype int64, count int64, itemsize int32, data []byte) {
		if count > 1<<20 {
			// A shape alone must not take memory that the bytes do not fill; the sizes between are not of interest.
			count = 1 << 50
		}
		tensor := &pyrpc.Tensor{Dtype: pyrpc.DType(dtype), Shape: []int64{count}, Data: data, Itemsize: &itemsize}
		found, err := Strings(tensor)
		if err == nil && int64(len(found)) != count {
			t.Errorf("%d texts of %d", len(found), count)
		}
	})
}
