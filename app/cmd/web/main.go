// Command web serves the pages that people meet. It asks the backend through its sidecar and
// keeps nothing.
package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/service"
	"github.com/wealth-companion/companion/app/service/requests"
	"github.com/wealth-companion/companion/app/web"
	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/session"
)

func main() {
	service.MainStateless(event.Web, func(s *service.Service) (http.Handler, error) {
		sessions, err := session.New(os.Getenv("SESSION_KEY"))
		if err != nil {
			return nil, fmt.Errorf("SESSION_KEY encrypts the cookies of people who are logged in: %w", err)
		}
		proxies, err := requests.Proxies(os.Getenv("TRUSTED_PROXIES"))
		if err != nil {
			return nil, err
		}
		api, err := backend.New(bus.Invocation(event.Backend), bus.PeoplesInvoker())
		if err != nil {
			return nil, err
		}
		server := &web.Server{
			API: api, Sessions: sessions, Log: s.Log, Observe: s.Metrics.Request, Proxies: proxies, Ending: s.Ending,
			Design: os.Getenv("DESIGN_PAGE") == "true",
		}
		return server.Handler(), nil
	})
}
