package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/assistant"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// forAssistants are the operations that the MCP server's tools need, with the scope of each. An
// assistant's token is good for no other.
var forAssistants = map[string]oauth.Scope{
	"me": oauth.Read, "getPreferences": oauth.Read, // whose token it is, and their time zone
	"financialSummary": oauth.Read, "categorySummary": oauth.Read, "trends": oauth.Read, "dashboard": oauth.Read, "healthScore": oauth.Read,
	"simulateInvestment": oauth.Read,
	"listWallets":        oauth.Read, "getWallet": oauth.Read, "listCategories": oauth.Read, "listBudgets": oauth.Read, "listGoals": oauth.Read,
	"listTasks": oauth.Read, "getTask": oauth.Read,
	"createBudget": oauth.ReadWrite, "postTransaction": oauth.ReadWrite, "createTask": oauth.ReadWrite, "editTask": oauth.ReadWrite, "completeTask": oauth.ReadWrite,
}

// refusesAssistant says why an assistant may not call an operation; 0: it may, or it is a
// person. The MCP server asks for it, by the sidecar: straight from outside an assistant could
// make a change that its person was not asked about.
func refusesAssistant(ctx context.Context, who account.Caller, operation string) (status int, why string) {
	if who.IsPerson() {
		return 0, ""
	}
	needs, has := forAssistants[operation]
	switch {
	case !has || !bus.Invoked(ctx):
		return http.StatusUnauthorized, "the access token is an assistant's, which is good at the MCP server only"
	case !needs.Within(who.Assistant.Scope):
		return http.StatusForbidden, "the person has let this assistant look, and change nothing: it needs the scope write"
	default:
		return 0, ""
	}
}

type describeAssistant struct{ Body assistant.Request }

type letAssistantIn struct {
	Body struct {
		assistant.Request
		Decision assistant.Decision `json:"decision"`
	}
}

// decided is where a person's browser takes the answer to.
type decided struct {
	Redirect string `json:"redirect" doc:"With the code, or the error access_denied"`
}

func (r routes) assistants() {
	own(r, operation{http.MethodGet, "/assistants", "listAssistants", "The assistants that the caller has let in, the newest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (pagination.List[assistant.Assistant], error) {
			all, err := r.api.Assistants.List(ctx, user)
			return pagination.List[assistant.Assistant]{Items: all}, err
		})
	own(r, operation{http.MethodDelete, "/assistants/{id}", "removeAssistant", "Let an assistant in no longer; its access tokens end within a minute", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *struct {
			ID uuid.UUID `path:"id"`
		}) (nothing, error) {
			return nothing{}, r.api.Assistants.Remove(ctx, user, in.ID)
		})
	own(r, operation{http.MethodPost, "/assistants/questions", "describeAssistant", "What an assistant asks for, in words for the caller", 0, 0},
		func(ctx context.Context, _ uuid.UUID, in *describeAssistant) (assistant.Question, error) {
			return r.api.Assistants.Ask(ctx, in.Body)
		})
	own(r, operation{http.MethodPost, "/assistants", "letAssistantIn", "Say what the caller has decided, which leads back to the assistant", 0, 0},
		func(ctx context.Context, _ uuid.UUID, in *letAssistantIn) (decided, error) {
			redirect, err := r.api.Assistants.Decide(ctx, callerOf(ctx).Caller, in.Body.Request, in.Body.Decision)
			return decided{redirect}, err
		})
}
