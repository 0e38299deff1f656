package bus

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// aSidecar answers gRPC calls and returns its port. It knows the methods that answer
// does not fail.
func aSidecar(t *testing.T, answer func(method string) error) (port string, called func() []string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	var methods []string
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(stream)
		mu.Lock()
		methods = append(methods, method)
		mu.Unlock()
		if err := stream.RecvMsg(&emptypb.Empty{}); err != nil {
			return err
		}
		if err := answer(method); err != nil {
			return err
		}
		return stream.SendMsg(&emptypb.Empty{})
	}))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	_, port, err = net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port, func() []string { mu.Lock(); defer mu.Unlock(); return methods }
}

// Without this every event would be published by itself, and nobody would notice.
func TestASidecarThatKnowsBulkByItsOlderNameTakesEventsTogether(t *testing.T) {
	const older = newerBulkMethod + "Alpha1"
	for name, one := range map[string]struct {
		newer error
		calls []string
	}{
		"1.16":             {status.Error(codes.Unknown, "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found"), []string{newerBulkMethod, older, older}},
		"1.17":             {nil, []string{newerBulkMethod, newerBulkMethod}},
		"not implemented":  {status.Error(codes.Unimplemented, "unknown method"), []string{newerBulkMethod, older, newerBulkMethod, older}},
		"broker's refusal": {status.Error(codes.Internal, "kafka: Message was too large"), []string{newerBulkMethod, newerBulkMethod}},
	} {
		t.Run(name, func(t *testing.T) {
			port, called := aSidecar(t, func(method string) error {
				if method == newerBulkMethod {
					return one.newer
				}
				return nil
			})
			t.Setenv("DAPR_GRPC_PORT", port)
			p, err := NewPublisher("events")
			require.NoError(t, err)
			defer p.Close()
			for range 2 {
				err = p.PublishAll(t.Context(), "topic", []Message{{"a", []byte("{}")}, {"b", []byte("{}")}})
				if status.Code(one.newer) == codes.Internal {
					var refused *RefusedError
					require.ErrorAs(t, err, &refused)
					continue
				}
				require.NoError(t, err)
			}
			require.Equal(t, one.calls, called())
		})
	}
}
