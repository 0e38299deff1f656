// Command notification is the agent that brings alerts to users.
package main

import (
	"github.com/wealth-companion/companion/app/agent/notification"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/service"
)

func main() {
	service.Main(event.Notification, false, func(s *service.Service) (service.Parts, error) {
		agent := &notification.Agent{Pool: s.Pool}
		return service.Parts{Handlers: agent.Handlers()}, nil
	})
}
