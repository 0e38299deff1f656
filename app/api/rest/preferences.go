package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/people/preference"
)

type putPreferences struct {
	Conditional
	Body preference.Settings
}

type subscribePush struct {
	Keyed
	Body preference.NewSubscription
}

// unsubscribePush names a browser in its body: who knows an endpoint may send to it, and
// what stands in an address is logged on the way.
type unsubscribePush struct {
	Body struct {
		Endpoint string `json:"endpoint" maxLength:"2000" doc:"As it was given"`
	}
}

// pushKey is what a browser subscribes to this application's push messages with.
type pushKey struct {
	ApplicationServerKey string `json:"applicationServerKey" doc:"The public VAPID key (RFC 8292): a point of P-256, base64url"`
}

func (r routes) preferences() {
	own(r, operation{http.MethodGet, "/preferences", "getPreferences", "How the caller wants to be told", 0, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (preference.Preferences, error) {
			return r.api.Preferences.Get(ctx, user)
		})
	own(r, operation{http.MethodPut, "/preferences", "putPreferences", "Set how the caller wants to be told", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *putPreferences) (preference.Preferences, error) {
			return r.api.Preferences.Put(ctx, user, in.IfMatch, in.Body)
		})
	own(r, operation{http.MethodGet, "/preferences/push", "getPushKey", "What a browser needs to subscribe to push messages; not found where they are not offered", 0, 0},
		func(context.Context, uuid.UUID, *struct{}) (pushKey, error) {
			if r.api.PushKey == "" {
				return pushKey{}, apperror.Say(apperror.ErrNotFound, "push messages are not set up here")
			}
			return pushKey{r.api.PushKey}, nil
		})
	own(r, operation{http.MethodPost, "/preferences/push", "subscribePush", "Add a browser that takes push messages; the ten newest stay", http.StatusCreated, 0},
		func(ctx context.Context, user uuid.UUID, in *subscribePush) (preference.Preferences, error) {
			return r.api.Preferences.Subscribe(ctx, user, in.Body)
		})
	own(r, operation{http.MethodDelete, "/preferences/push", "unsubscribePush", "Remove a browser from those that take push messages", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *unsubscribePush) (nothing, error) {
			return nothing{}, r.api.Preferences.Unsubscribe(ctx, user, in.Body.Endpoint)
		})
}
