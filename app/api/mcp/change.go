package mcp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The states of a change.
const (
	statusAsk      = "confirmation_required"
	statusDone     = "done"
	statusDeclined = "declined"
)

// Confirmable is embedded by the arguments of tools that change something.
type Confirmable struct {
	Confirmation string `json:"confirmation,omitempty" jsonschema:"what an earlier call of this tool with the same arguments returned, once the person has agreed to what it said; never where the person's application asks them itself"`
}

func (c *Confirmable) take() string {
	text := c.Confirmation
	c.Confirmation = "" // it is not part of what it confirms
	return text
}

// confirmable are arguments that may carry a confirmation.
type confirmable[In any] interface {
	*In
	take() string
}

// description is a change in words.
type description struct {
	says string
	seen string // the ETag of what is changed; empty for what is new
}

// bound is what a confirmation of the change holds for.
func (d description) bound() string { return d.says + "\n" + d.seen }

// change is how a tool changes something.
type change[In any] struct {
	name, title, description string
	output                   map[string]any // schema
	// request is what the API is asked, at an instant which is that of the question
	// when the person has agreed.
	request func(in In, at time.Time) (call, error)
	// describe says what the request would do, of which would is the API's answer to
	// its rehearsal.
	describe func(ctx context.Context, p person, in In, would map[string]any) (description, error)
}

// elicitation is the name of the one question of a change.
const elicitation = "agreement"

// question is what the person's application asks them. Agreement is a box to tick,
// so that one who only closes the question has not agreed.
func question(says string) mcp.InputRequestMap {
	return mcp.InputRequestMap{elicitation: &mcp.ElicitParams{
		Mode: "form", Message: says + ". Do you agree?",
		RequestedSchema: map[string]any{
			"type": "object", "required": []string{"agree"},
			"properties": map[string]any{"agree": map[string]any{"type": "boolean", "title": "Yes, do this", "default": false}},
		},
	}}
}

// agreed reads the person's answer; asked is false when there is none.
func agreed(responses mcp.InputResponseMap) (agrees, asked bool) {
	answer, is := responses[elicitation].(*mcp.ElicitResult)
	if !is {
		return false, false
	}
	ticked, _ := answer.Content["agree"].(bool)
	return answer.Action == "accept" && ticked, true
}

// elicits tells whether the person's application can ask them. Sessions are not
// kept, so it must say so with the request, as MCP has it since 2026-07-28; earlier
// applications are asked through a stream that only one replica would hold.
func elicits(request *mcp.CallToolRequest) bool {
	client := request.Session.InitializeParams()
	if client == nil || client.Capabilities == nil || client.Capabilities.Elicitation == nil || client.ProtocolVersion < "2026-07-28" {
		return false
	}
	its := client.Capabilities.Elicitation
	return its.Form != nil || its.URL == nil // without a mode, forms are meant
}

var errModelConfirms = errors.New("the person's application asks them itself: leave confirmation out")

// changing adds a tool that changes something, once the person agrees.
func changing[In any, P confirmable[In]](s *Server, to *mcp.Server, c change[In]) {
	closed, destructive := false, false
	takes[In](s.takes, c.name)
	s.changing[c.name] = true
	mcp.AddTool(to, &mcp.Tool{
		Name: c.name, Title: c.title,
		Description:  c.description + " Asks for confirmation first: the first call changes nothing.",
		Annotations:  &mcp.ToolAnnotations{Title: c.title, DestructiveHint: &destructive, OpenWorldHint: &closed},
		OutputSchema: c.output,
	}, func(ctx context.Context, request *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
		confirmation := P(&in).take()
		by := relayed
		if elicits(request) {
			if confirmation != "" {
				return nil, nil, errModelConfirms
			}
			by, confirmation = elicited, request.Params.RequestState
		}
		agrees, asked := agreed(request.Params.InputResponses)
		if by == elicited && asked && !agrees {
			return nil, map[string]any{"status": statusDeclined, "next": "The person did not agree, and nothing was changed. Do not ask for the same again."}, nil
		}
		if by == elicited && !asked {
			confirmation = ""
		}
		who := callerOf(request)
		a := attempt[In]{s, c, who, in, by, purpose{who.id, who.session, c.name, in}}
		if confirmation == "" {
			return a.ask(ctx)
		}
		return a.carryOut(ctx, confirmation)
	})
}

// attempt is one call of a tool that changes something.
type attempt[In any] struct {
	*Server
	change[In]
	caller
	in  In
	by  way
	its purpose
}

// rehearse has the API check the change and describes it. replayed: it was made
// already, under this confirmation.
func (a attempt[In]) rehearse(ctx context.Context, asks call) (would answer, d description, err error) {
	asks.dryRun = true
	if would, err = a.Backend.ask(ctx, a.token, asks); err != nil || would.replayed {
		return would, d, err
	}
	d, err = a.describe(ctx, person{a.Backend, a.token}, a.in, would.body)
	return would, d, err
}

// ask checks the change and has the person asked.
func (a attempt[In]) ask(ctx context.Context) (*mcp.CallToolResult, any, error) {
	now := time.Now().UTC().Truncate(time.Second)
	asks, err := a.request(a.in, now)
	if err != nil {
		return nil, nil, err
	}
	_, d, err := a.rehearse(ctx, asks)
	if err != nil {
		return nil, nil, err
	}
	issued, err := issue(a.ConfirmationKey, a.its, a.by, d.bound(), now)
	if err != nil {
		return nil, nil, err
	}
	if a.by == elicited {
		return &mcp.CallToolResult{InputRequests: question(d.says), RequestState: issued}, nil, nil
	}
	return nil, map[string]any{
		"status": statusAsk, "would": d.says, "confirmation": issued,
		"next": "Show the person what would be done, word for word, and ask them. If they agree, call " + a.name + " again with the same arguments and this confirmation within ten minutes.",
	}, nil
}

var errChanged = errors.New("what would happen is no longer what the person agreed to: call without a confirmation, and show them what it answers")

// carryOut makes the change that the person has agreed to, once.
func (a attempt[In]) carryOut(ctx context.Context, text string) (*mcp.CallToolResult, any, error) {
	given, err := confirmed(a.ConfirmationKey, text, a.its, a.by, time.Now())
	if err != nil {
		return nil, nil, err
	}
	asks, err := a.request(a.in, given.issued)
	if err != nil {
		return nil, nil, err
	}
	if asks.method == http.MethodPost {
		asks.once = given.id.String()
	}
	would, d, err := a.rehearse(ctx, asks)
	switch {
	case err != nil:
		return nil, nil, err
	case would.replayed:
		return nil, map[string]any{"status": statusDone, "did": "This was done before, and only once", "result": would.body}, nil
	case !given.of(d.bound()) && a.by == elicited:
		return a.ask(ctx) // as it is now
	case !given.of(d.bound()):
		return nil, nil, errChanged
	}
	if asks.method != http.MethodPost {
		asks.ifMatch = d.seen
	}
	done, err := a.Backend.ask(ctx, a.token, asks)
	if err != nil {
		return nil, nil, err
	}
	return nil, map[string]any{"status": statusDone, "did": d.says, "result": done.body}, nil
}
