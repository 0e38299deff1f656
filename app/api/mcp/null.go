package mcp

import (
	"context"
	"encoding/json"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// withoutNulls takes arguments that are null for arguments that are left out: many
// models send every argument that a tool has. One that is required is missing then.
func withoutNulls(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, request mcp.Request) (mcp.Result, error) {
		if call, is := request.GetParams().(*mcp.CallToolParamsRaw); is {
			call.Arguments = leaveOutNulls(call.Arguments)
		}
		return next(ctx, method, request)
	}
}

// leaveOutNulls returns an object without its members that are null; what is no object
// is left to the tool's schema, which refuses it.
func leaveOutNulls(raw json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil || members == nil {
		return raw
	}
	nulls := 0
	for name, value := range members {
		if string(value) == "null" {
			delete(members, name)
			nulls++
		}
	}
	if nulls == 0 {
		return raw
	}
	kept, err := json.Marshal(members)
	if err != nil {
		return raw
	}
	return kept
}
