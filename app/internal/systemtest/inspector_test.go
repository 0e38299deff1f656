//go:build integration && inspector

package systemtest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
)

// TestInspector tries the MCP server with the protocol's inspector, a client that
// shares no code with the server. INSPECTOR is the command that starts it.
func TestInspector(t *testing.T) {
	program := os.Getenv("INSPECTOR")
	require.NotEmpty(t, program, "INSPECTOR is not set: run `make test-inspector`")
	s := stack.Start(t, stack.Options{Complete: true})
	c := newPerson(t, s)
	inspect := func(token string, arguments ...string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, append([]string{
			"--cli", s.Public(event.MCP) + "/mcp", "--transport", "http", "--header", "Authorization: Bearer " + token,
		}, arguments...)...)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		return cmd.Output()
	}
	ask := func(into any, arguments ...string) {
		t.Helper()
		out, err := inspect(c.Token(), arguments...)
		require.NoError(t, err, "%s", out)
		require.NoError(t, json.Unmarshal(out, into), "%s", out)
	}
	type answer struct {
		IsError           bool
		StructuredContent json.RawMessage
		Content           []struct{ Type, Text string }
	}

	var list struct {
		Tools []struct {
			Name, Title, Description  string
			InputSchema, OutputSchema struct{ Type string }
		}
	}
	ask(&list, "--method", "tools/list")
	require.Len(t, list.Tools, 15)
	for _, tool := range list.Tools {
		require.NotEmpty(t, tool.Description, tool.Name)
		require.Equal(t, "object", tool.InputSchema.Type, tool.Name)
		require.Equal(t, "object", tool.OutputSchema.Type, tool.Name)
	}

	var wallets answer
	ask(&wallets, "--method", "tools/call", "--tool-name", "list_wallets")
	require.False(t, wallets.IsError)
	require.Contains(t, string(wallets.StructuredContent), c.wallet.ID.String())

	// A change asks first. The amount is a text: the inspector makes of 12.50 a number.
	spend := []string{
		"--method", "tools/call", "--tool-name", "add_transaction", "--tool-arg",
		"walletId=" + c.wallet.ID.String(), `amount="12.50"`, "type=expense", "category=groceries",
	}
	var first, second answer
	ask(&first, spend...)
	var would struct{ Status, Confirmation string }
	require.NoError(t, json.Unmarshal(first.StructuredContent, &would))
	require.Equal(t, "confirmation_required", would.Status)
	ask(&second, append(spend, "confirmation="+would.Confirmation)...)
	var done struct{ Status string }
	require.NoError(t, json.Unmarshal(second.StructuredContent, &done))
	require.Equal(t, "done", done.Status)

	var refused answer
	out, _ := inspect(c.Token(), "--method", "tools/call", "--tool-name", "add_transaction", "--tool-arg",
		"walletId="+c.wallet.ID.String(), `amount="-1"`, "type=expense", "category=groceries")
	require.NoError(t, json.Unmarshal(out, &refused), "%s", out)
	require.True(t, refused.IsError)
	require.Contains(t, refused.Content[0].Text, "amount")

	_, err := inspect("not a token", "--method", "tools/list")
	require.Error(t, err, "nobody comes in without a person's token")
}
