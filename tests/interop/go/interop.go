// Checks a node from Go, and prints a line for each check.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"interop-client/gen/interop_idl"
	"interop-client/gen/pyrpc"
	"interop-client/node"
)

var ctx = context.Background()

func check(name string, run func() (string, error)) {
	defer func() {
		if panicked := recover(); panicked != nil {
			fmt.Printf("fail %s: %v\n", name, panicked)
		}
	}()
	note, err := run()
	switch {
	case err != nil:
		fmt.Printf("fail %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
	case note != "":
		fmt.Printf("ok %s: %s\n", name, note)
	default:
		fmt.Printf("ok %s\n", name)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func expect(isRight bool, format string, arguments ...any) {
	if !isRight {
		panic(fmt.Sprintf(format, arguments...))
	}
}

func integer(value int64) *pyrpc.Value { return &pyrpc.Value{IntValue: &value} }

type program struct {
	address string
	options node.Options
	open    *node.Connection
	client  *interop_idl.InteropClient
}

func (p *program) ping() (string, error) {
	info := must(p.open.Node.Ping(ctx))
	expect(info.ProtocolVersion == 1, "protocol_version is %d", info.ProtocolVersion)
	return "", nil
}

func (p *program) typed() (string, error) {
	sum := must(p.client.Add(ctx, 1, 2))
	expect(sum == 3, "1 + 2 is %d", sum)
	return "", nil
}

func (p *program) plain() (string, error) {
	sum := must(interop_idl.NewInteropClient(p.open.Plain()).Add(ctx, 1, 2))
	expect(sum == 3, "1 + 2 is %d", sum)
	return "", nil
}

func (p *program) generic() (string, error) {
	named := map[string]*pyrpc.Value{"b": integer(5)}
	reply := must(p.open.Node.Call(ctx, "Interop.add", []*pyrpc.Value{integer(1)}, named, p.open.Options(ctx)))
	expect(reply.Value.GetIntValue() == 6, "1 + 5 is %v", reply.Value)
	reply = must(p.open.Node.Call(ctx, "Interop.add", []*pyrpc.Value{integer(1 << 40), integer(1)}, nil, p.open.Options(ctx)))
	expect(reply.Value.GetIntValue() == 1<<40+1, "2^40 + 1 is %v", reply.Value)
	return "", nil
}

func (p *program) structs() (string, error) {
	label := "é"
	region := &interop_idl.Region{
		X: 2, Y: 3, Label: &label, Moods: []interop_idl.Mood{interop_idl.Mood_CALM}, Scores: map[string]float64{"a": 0.5},
		Pixels: must(node.Zeros(pyrpc.DType_UINT8, 2, 2)),
	}
	grown := must(p.client.Grown(ctx, region))
	expect(grown.X == 3 && grown.Y == 3 && grown.GetLabel() == "é", "it is %v", grown)
	expect(slices.Equal(grown.Moods, []interop_idl.Mood{interop_idl.Mood_CALM, interop_idl.Mood_LOUD}), "moods: %v", grown.Moods)
	expect(maps.Equal(grown.Scores, map[string]float64{"a": 0.5, "area": 6}), "scores: %v", grown.Scores)
	expect(slices.Equal(must(node.Slice[uint8](grown.Pixels)), []uint8{1, 1, 1, 1}), "pixels: %v", grown.Pixels)
	grown = must(p.client.Grown(ctx, &interop_idl.Region{X: 2, Y: 3}))
	expect(!grown.IsSetLabel() && !grown.IsSetPixels(), "what was not set came back: %v", grown)
	return "", nil
}

func (p *program) text() (string, error) {
	reversed := must(p.client.Reversed(ctx, "aé😀"))
	expect(reversed == "😀éa", "it is %q", reversed)
	return "", nil
}

func (p *program) large() (string, error) {
	const rows = 1_000_000
	elements := make([]float32, 4*rows)
	for index := range elements {
		elements[index] = float32(index % 1000)
	}
	tensor := must(node.NewTensor(elements, rows, 4))
	compare := func(result *pyrpc.Tensor) {
		expect(slices.Equal(result.Shape, []int64{rows, 4}), "the shape is %v", result.Shape)
		for index, element := range must(node.Slice[float32](result)) {
			expect(element == 2*elements[index], "element %d is %v", index, element)
		}
	}
	compare(must(p.client.Doubled(ctx, tensor)))
	inputs := []*pyrpc.Value{{TensorValue: tensor}}
	compare(must(p.open.Node.Run(ctx, "Interop.doubled", inputs, nil, rows, p.open.Options(ctx))).Value.TensorValue)
	return "", nil
}

func (p *program) larger() (string, error) {
	elements := make([]uint8, 64<<20)
	for index := range elements {
		elements[index] = uint8(index % 251)
	}
	tensor := must(node.NewTensor(elements))
	typed := must(p.client.Echo(ctx, tensor))
	expect(slices.Equal(must(node.Slice[uint8](typed)), elements), "other bytes came back")
	reply := must(p.open.Node.Call(ctx, "Interop.echo", []*pyrpc.Value{{TensorValue: tensor}}, nil, p.open.Options(ctx)))
	expect(slices.Equal(must(node.Slice[uint8](reply.Value.TensorValue)), elements), "other bytes came back")
	return "", nil
}

func (p *program) errors() (string, error) {
	var refused *pyrpc.RpcError
	_, err := p.client.Doubled(ctx, must(node.NewTensor(make([]int32, 8), 2, 4)))
	expect(errors.As(err, &refused), "int32: %v", err)
	expect(refused.Code == pyrpc.ErrorCode_CONTRACT_VIOLATED, "the code is %v", refused.Code)
	expect(refused.GetExpected() != "" && refused.GetGot() != "", "it does not tell what it expected and got: %v", refused)
	_, err = p.client.Fail(ctx, "on purpose")
	expect(errors.As(err, &refused), "fail: %v", err)
	expect(refused.Code == pyrpc.ErrorCode_STAGE_FAILED, "the code is %v", refused.Code)
	expect(refused.GetRemoteType() == "ValueError" && strings.Contains(refused.Message, "on purpose"), "it is %v", refused)
	return p.typed()
}

func (p *program) deadline() (string, error) {
	minute, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	reply := must(p.open.Node.Call(minute, "Interop.left_s", nil, nil, p.open.Options(minute)))
	left := reply.Value.GetDoubleValue()
	expect(left > 0 && left <= 60, "%v s are left of 60", left)
	over := p.open.Options(ctx)
	none := int64(0)
	over.RemainingMs = &none
	_, err := p.open.Node.Call(ctx, "Interop.left_s", nil, nil, over)
	var expired *pyrpc.RpcError
	expect(errors.As(err, &expired) && expired.Code == pyrpc.ErrorCode_EXPIRED, "remaining_ms=0: %v", err)

	options := p.options
	options.Timeout = 500 * time.Millisecond
	p.givesUp(ctx, options, os.ErrDeadlineExceeded)
	half, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	p.givesUp(half, p.options, context.DeadlineExceeded)
	return "also by context", nil
}

// givesUp expects a call of ten seconds to end early, and its connection to be closed after it.
func (p *program) givesUp(ctx context.Context, options node.Options, expected error) {
	connection := must(node.Dial(ctx, p.address, options))
	defer connection.Close()
	client := interop_idl.NewInteropClient(connection.Service("Interop"))
	began := time.Now()
	_, err := client.Sleep(ctx, 10)
	expect(errors.Is(err, expected) && time.Since(began) < 5*time.Second, "after %v: %v", time.Since(began), err)
	_, err = client.Add(context.Background(), 1, 2)
	expect(errors.Is(err, node.ErrClosed), "the connection goes on: %v", err)
}

func (p *program) tls() (string, error) {
	ca := x509.NewCertPool()
	expect(ca.AppendCertsFromPEM(must(os.ReadFile(os.Getenv("PYRPC_TLS_CA")))), "no CA")
	port, options := os.Getenv("PYRPC_TLS_PORT"), p.options
	options.TLS, options.Token = &tls.Config{RootCAs: ca}, os.Getenv("PYRPC_TLS_TOKEN")
	secure := must(node.Dial(ctx, "localhost:"+port, options))
	defer secure.Close()
	sum := must(interop_idl.NewInteropClient(secure.Service("Interop")).Add(ctx, 1, 2))
	expect(sum == 3, "1 + 2 is %d", sum)
	must(secure.Node.Call(ctx, "Interop.add", []*pyrpc.Value{integer(1)}, nil, secure.Options(ctx)))

	for _, token := range []string{"", "guessed"} {
		options.Token = token
		_, err := node.Dial(ctx, "localhost:"+port, options)
		var refused *pyrpc.RpcError
		expect(errors.As(err, &refused) && refused.Code == pyrpc.ErrorCode_UNAUTHENTICATED, "token %q: %v", token, err)
	}
	options.Token = os.Getenv("PYRPC_TLS_TOKEN")
	_, err := node.Dial(ctx, "127.0.0.1:"+port, options)
	var otherHost x509.HostnameError
	expect(errors.As(err, &otherHost), "by another name: %v", err)
	options.TLS = &tls.Config{}
	_, err = node.Dial(ctx, "localhost:"+port, options)
	var stranger *tls.CertificateVerificationError
	expect(errors.As(err, &stranger), "with the CAs of the system: %v", err)
	return "", nil
}

// dtype checks arrays of a type of Go; sameBits, since NaT, -0 and infinities count.
func dtype[T node.Number](p *program, name string, number pyrpc.DType, unit string, elements []T) {
	check("dtype "+name, func() (string, error) {
		sample := must(p.client.Sample(ctx, name))
		expect(slices.Equal(sample.Shape, []int64{2, 3}), "the shape is %v", sample.Shape)
		expect(sample.Dtype == number && sample.GetUnit() == unit, "it is %v", sample.Dtype)
		found := must(node.Slice[T](sample))
		expect(fmt.Sprint(found) == fmt.Sprint(elements), "the elements are %v", found)
		own := must(node.NewTensor(elements, 2, 3))
		own.Dtype = number
		if unit != "" {
			own.Unit = &unit
		}
		must(p.client.Check(ctx, name, own))
		return fmt.Sprintf("[]%T", elements[0]), nil
	})
}

func texts(p *program, name string, elements []string) {
	check("dtype "+name, func() (string, error) {
		found := must(node.Strings(must(p.client.Sample(ctx, name))))
		expect(slices.Equal(found, elements), "the elements are %q", found)
		if name != "string" {
			must(p.client.Check(ctx, name, must(p.client.Sample(ctx, name))))
			return "read as []string", nil
		}
		must(p.client.Check(ctx, name, must(node.NewStrings(elements, 2, 3))))
		return "[]string", nil
	})
}

func (p *program) dtypes() {
	dtype(p, "bool", pyrpc.DType_BOOL, "", []bool{true, false, true, true, false, false})
	dtype(p, "int8", pyrpc.DType_INT8, "", []int8{math.MinInt8, -1, 0, 3, math.MaxInt8 - 1, math.MaxInt8})
	dtype(p, "int16", pyrpc.DType_INT16, "", []int16{math.MinInt16, -1, 0, 3, math.MaxInt16 - 1, math.MaxInt16})
	dtype(p, "int32", pyrpc.DType_INT32, "", []int32{math.MinInt32, -1, 0, 3, math.MaxInt32 - 1, math.MaxInt32})
	dtype(p, "int64", pyrpc.DType_INT64, "", []int64{math.MinInt64, -1, 0, 3, math.MaxInt64 - 1, math.MaxInt64})
	dtype(p, "uint8", pyrpc.DType_UINT8, "", []uint8{0, 1, 2, 3, math.MaxUint8 - 1, math.MaxUint8})
	dtype(p, "uint16", pyrpc.DType_UINT16, "", []uint16{0, 1, 2, 3, math.MaxUint16 - 1, math.MaxUint16})
	dtype(p, "uint32", pyrpc.DType_UINT32, "", []uint32{0, 1, 2, 3, math.MaxUint32 - 1, math.MaxUint32})
	dtype(p, "uint64", pyrpc.DType_UINT64, "", []uint64{0, 1, 2, 3, math.MaxUint64 - 1, math.MaxUint64})
	dtype(p, "float16", pyrpc.DType_FLOAT16, "", []uint16{0xBE00, 0x8000, 0, 0x3800, 0x4000, 0x7C00})
	dtype(p, "bfloat16", pyrpc.DType_BFLOAT16, "", []uint16{0xBFC0, 0x8000, 0, 0x3F00, 0x4000, 0x7F80})
	zero := 0.0
	dtype(p, "float32", pyrpc.DType_FLOAT32, "", []float32{-1.5, float32(-zero * 1), 0, 0.5, 2, float32(math.Inf(1))})
	dtype(p, "float64", pyrpc.DType_FLOAT64, "", []float64{-1.5, math.Copysign(0, -1), 0, 0.5, 2, math.Inf(1)})
	small, wide := make([]complex64, 6), make([]complex128, 6)
	for index := range wide {
		wide[index] = complex(float64(index)+0.5, -float64(index))
		small[index] = complex64(wide[index])
	}
	wide[0], small[0] = complex(0.5, 0), complex(0.5, 0)
	dtype(p, "complex64", pyrpc.DType_COMPLEX64, "", small)
	dtype(p, "complex128", pyrpc.DType_COMPLEX128, "", wide)
	counts := []int64{0, 1, -1, 1000, 86_400_000, math.MinInt64}
	dtype(p, "datetime64", pyrpc.DType_DATETIME64, "ns", counts)
	dtype(p, "timedelta64", pyrpc.DType_TIMEDELTA64, "ms", counts)
	texts(p, "bytes", []string{"", "a", "ab", "abc", "x", "y\x00z"})
	texts(p, "unicode", []string{"", "a", "ab", "é", "😀", "z😀"})
	texts(p, "string", []string{"", "a", "ab", "é", "😀", "longer than all the others"})
}

func main() {
	address := net.JoinHostPort(os.Args[1], os.Args[2])
	options := node.Options{Compact: os.Args[3] == "compact"}
	open := must(node.Dial(ctx, address, options))
	defer open.Close()
	p := &program{address, options, open, interop_idl.NewInteropClient(open.Service("Interop"))}
	check("ping", p.ping)
	check("typed call", p.typed)
	check("plain name", p.plain)
	check("generic call", p.generic)
	check("struct", p.structs)
	check("text", p.text)
	check("16 MB", p.large)
	check("64 MiB", p.larger)
	check("typed error", p.errors)
	check("deadline", p.deadline)
	check("tls", p.tls)
	p.dtypes()
}
