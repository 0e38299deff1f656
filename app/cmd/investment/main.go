// Command investment is the agent that looks at what is left over.
package main

import (
	"os"

	"github.com/wealth-companion/companion/app/agent/investment"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/service"
)

func main() {
	service.Main(event.Investment, false, func(s *service.Service) (service.Parts, error) {
		o, err := observer.New(s.Pool, s.Log, os.Getenv)
		if err != nil {
			return service.Parts{}, err
		}
		agent := investment.Watch(o)
		return service.Parts{Handlers: agent.Handlers(), Batches: agent.Batches(), Work: agent.Work()}, nil
	})
}
