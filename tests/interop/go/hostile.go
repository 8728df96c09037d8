// Calls a node that answers with anything, and says how each call ended.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"interop-client/gen/interop_idl"
	"interop-client/node"
)

func outcome(client *interop_idl.InteropClient) string {
	tensor, err := node.NewTensor([]uint8("abcd"), 2, 2)
	if err != nil {
		panic(err)
	}
	result, err := client.Echo(context.Background(), tensor)
	if err == nil && result == nil {
		return "ok, but nothing"
	}
	var found []uint8
	if err == nil {
		found, err = node.Slice[uint8](result)
	}
	if err == nil {
		return fmt.Sprintf("ok %q", found)
	}
	kind := "Tensor"
	var application thrift.TApplicationException
	var protocol thrift.TProtocolException
	var transport thrift.TTransportException
	switch {
	case errors.Is(err, node.ErrClosed):
		kind = "Closed"
	case errors.As(err, &application):
		kind = "Application"
	case errors.As(err, &protocol):
		kind = "Protocol"
	case errors.As(err, &transport):
		kind = "Transport"
	}
	return fmt.Sprintf("refused %s %s", kind, strings.ReplaceAll(err.Error(), "\n", " "))
}

func main() {
	options := node.Options{Timeout: 5 * time.Second, Compact: os.Args[3] == "compact"}
	count, err := strconv.Atoi(os.Args[4])
	if err != nil {
		panic(err)
	}
	for range count {
		connection, err := node.Dial(context.Background(), net.JoinHostPort(os.Args[1], os.Args[2]), options)
		if err != nil {
			panic(err)
		}
		client := interop_idl.NewInteropClient(connection.Plain())
		fmt.Println(outcome(client), "/", outcome(client))
		connection.Close()
	}
}
