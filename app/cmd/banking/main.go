// Command banking is the agent that watches accounts: what recurs, what is due, what was charged twice.
package main

import (
	"os"

	"github.com/wealth-companion/companion/app/agent/banking"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/service"
)

func main() {
	service.Main(event.Banking, false, func(s *service.Service) (service.Parts, error) {
		o, err := observer.New(s.Pool, s.Log, os.Getenv)
		if err != nil {
			return service.Parts{}, err
		}
		agent := banking.Watch(o)
		return service.Parts{Handlers: agent.Handlers(), Batches: agent.Batches(), Work: agent.Work()}, nil
	})
}
