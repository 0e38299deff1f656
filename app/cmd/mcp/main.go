// Command mcp lets a person's assistant look at their money and, when they
// confirm it, record and plan: a Model Context Protocol server before the API.
package main

import (
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/wealth-companion/companion/app/api/mcp"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/service"
)

func main() {
	service.MainStateless(event.MCP, func(s *service.Service) (http.Handler, error) {
		key := os.Getenv("CONFIRMATION_KEY")
		if len(key) < 32 {
			return nil, errors.New("CONFIRMATION_KEY is not set or has less than 32 characters: it signs what a person is asked to confirm")
		}
		backend := &mcp.Backend{URL: bus.Invocation(event.Backend), Client: bus.Invoker()}
		return (&mcp.Server{Backend: backend, URL: strings.TrimSuffix(os.Getenv("APPLICATION_URL"), "/"), ConfirmationKey: []byte(key), Log: s.Log, Observe: s.Metrics.Request}).Handler(), nil
	})
}
