// Command analytics is the agent that watches spending.
package main

import (
	"github.com/wealth-companion/companion/app/agent/analytics"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/service"
)

func main() {
	service.Main(event.Analytics, false, func(s *service.Service) (service.Parts, error) {
		agent := &analytics.Agent{Pool: s.Pool}
		return service.Parts{Handlers: agent.Handlers()}, nil
	})
}
