// Command notification is the agent that brings alerts to users.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/wealth-companion/companion/app/agent/notification"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/service"
)

func main() {
	service.Main(event.Notification, false, func(s *service.Service) (service.Parts, error) {
		offers, err := channels(os.Getenv)
		if err != nil {
			return service.Parts{}, err
		}
		agent := &notification.Agent{Pool: s.Pool, Offers: offers}
		if letters, is := offers["email"].(notification.Letters); is {
			agent.Letters = letters
		}
		return service.Parts{
			Handlers: agent.Handlers(),
			Work: []func(context.Context){
				func(ctx context.Context) { agent.Deliver(ctx, s.Log) },
				func(ctx context.Context) { agent.DeliverLetters(ctx, s.Log) },
			},
		}, nil
	})
}

// channels are those that this installation is set up for, beside in_app.
func channels(getenv func(string) string) (map[string]notification.Channel, error) {
	offers := map[string]notification.Channel{}
	server, err := notification.SMTPFromEnvironment(getenv)
	if err != nil {
		return nil, err
	}
	if server != nil {
		offers["email"] = &notification.Mail{Server: server, URL: getenv("WEB_URL")}
	}
	public, private, contact := getenv("VAPID_PUBLIC_KEY"), getenv("VAPID_PRIVATE_KEY"), getenv("VAPID_CONTACT")
	if public == "" && private == "" {
		return offers, nil
	}
	if public == "" || private == "" || contact == "" {
		return nil, errors.New("VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY and VAPID_CONTACT (an https: or mailto: address) go together: set all of them, or none to do without push")
	}
	offers["push"] = &notification.Push{PublicKey: public, PrivateKey: private, Contact: contact, Client: notification.OutsideOnly()}
	return offers, nil
}
