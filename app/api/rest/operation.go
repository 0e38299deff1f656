package rest

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/httprate"
	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/store/etag"
	"github.com/wealth-companion/companion/app/store/idempotency"
)

// routes is where operations are declared.
type routes struct {
	huma.API
	api     *API
	uploads *uploads
	// addresses counts requests to get in before the database does; nil: there is no limit.
	addresses *httprate.RateLimiter
}

// bearer is the security scheme of the operations that are about the caller.
const bearer = "bearer"

// operation is what is to be said of an endpoint, besides its types.
type operation struct {
	method, path string // the path below /api/v1
	id           string // what clients call it: listWallets
	summary      string
	status       int   // of a good answer; 0: 200
	maxBody      int64 // in bytes; 0: limits.MaxBody
}

// answered is a good answer.
type answered[T any] struct {
	ETag     string `header:"ETag" doc:"Tells this state from the next: send it as If-Match with a change"`
	Replayed string `header:"Idempotency-Replayed" doc:"true when the request had been carried out before; this is the answer of then"`
	AsOf     string `header:"X-Data-As-Of" doc:"Only while the database is away: when this answer was true (RFC 3339)"`
	Body     T
}

// nothing is an answer without a body.
type nothing struct{}

// tagged is what can be changed by one caller while another looks at it.
type tagged interface{ Changed() time.Time }

// Conditional is the condition under which a caller wants a change.
type Conditional struct {
	IfMatch string `header:"If-Match" doc:"The ETag of what the caller saw; the change is refused with 412 when it has another by now"`
}

// Keyed is how a caller has a request carried out once.
type Keyed struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"A UUID, a new one for each new request: sent again with the same within 24 hours, it is carried out once" format:"uuid"`
	RawBody        []byte
}

func (k Keyed) idempotencyKey() (string, []byte) { return k.IdempotencyKey, k.RawBody }

// open declares an operation that anybody may call.
func open[I, T any](r routes, o operation, endpoint func(context.Context, *I) (T, error)) {
	declare(r, o.huma(), func(ctx context.Context, in *I) (*answered[T], error) {
		body, err := endpoint(ctx, in)
		return &answered[T]{Body: body}, err
	})
}

// entrance is an operation that lets people in, tried as often as their address may.
func (r routes) entrance(o operation) huma.Operation {
	h := o.huma()
	h.Middlewares = huma.Middlewares{r.limitedByAddress}
	h.Errors = append(h.Errors, http.StatusUnauthorized, http.StatusTooManyRequests)
	return h
}

// own declares an operation that is about the caller. Inputs that embed Keyed
// are carried out once for each Idempotency-Key. The answers of
// keptOperations are kept for while the database is away.
func own[I, T any](r routes, o operation, endpoint func(context.Context, uuid.UUID, *I) (T, error)) {
	h := o.huma()
	h.Security = []map[string][]string{{bearer: {}}}
	h.Middlewares = huma.Middlewares{r.authenticated}
	h.Errors = append(h.Errors, http.StatusUnauthorized, http.StatusTooManyRequests)
	if forAssistants[o.id].Changes() {
		h.Errors = append(h.Errors, http.StatusForbidden)
	}
	kept := keptOperations[o.id] && r.api.Cache != nil
	carryOut := func(ctx context.Context, in *I) (*answered[T], error) {
		ctx, request, err := once(ctx, callerOf(ctx).uri, in)
		if err != nil {
			return nil, err
		}
		caller := callerOf(ctx)
		var body T
		if kept {
			return read(ctx, r.api, question{caller, o.id}, func(ctx context.Context) (T, error) { return endpoint(ctx, caller.user, in) })
		}
		if body, err = endpoint(ctx, caller.user, in); err != nil {
			return nil, err
		}
		answer := tag(body)
		if request != nil && request.Replayed {
			answer.Replayed = "true"
		}
		return answer, nil
	}
	if reflect.TypeFor[T]() != reflect.TypeFor[nothing]() {
		declare(r, h, carryOut)
		return
	}
	// Without a body, there must be no type of it either.
	declare(r, h, func(ctx context.Context, in *I) (*nothing, error) {
		_, err := carryOut(ctx, in)
		return &nothing{}, err
	})
}

func tag[T any](body T) *answered[T] {
	answer := &answered[T]{Body: body}
	if its, ok := any(body).(tagged); ok {
		answer.ETag = etag.Of(its.Changed())
	}
	return answer
}

// once has ctx carry the input's Idempotency-Key.
func once(ctx context.Context, path string, in any) (context.Context, *idempotency.Request, error) {
	keyed, ok := in.(interface{ idempotencyKey() (string, []byte) })
	if !ok {
		return ctx, nil, nil
	}
	text, content := keyed.idempotencyKey()
	if text == "" {
		return ctx, nil, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return ctx, nil, apperror.Invalid{Field: "Idempotency-Key", Reason: "must be a UUID, a new one for each new request"}
	}
	ctx, request := idempotency.With(ctx, id, append([]byte(path+"\n"), content...))
	return ctx, request, nil
}

func (o operation) huma() huma.Operation {
	h := huma.Operation{
		OperationID: o.id, Method: o.method, Path: base + o.path, Summary: o.summary, DefaultStatus: o.status,
		Tags:         []string{strings.SplitN(strings.Trim(o.path, "/"), "/", 2)[0]},
		MaxBodyBytes: limits.MaxBody, BodyReadTimeout: 10 * time.Second,
		Errors: []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}
	if o.maxBody > 0 {
		h.MaxBodyBytes = o.maxBody
	}
	if strings.Contains(o.path, "{") {
		h.Errors = append(h.Errors, http.StatusNotFound)
	}
	h.Errors = append(h.Errors, particular[o.id]...)
	if o.rehearses() {
		h.Parameters = append(h.Parameters, dryRunParameter)
	}
	return h
}

// particular are the errors that come of what an operation is about.
var particular = map[string][]int{
	"register":            {http.StatusConflict},
	"confirmAddress":      {http.StatusConflict},
	"resetPassword":       {http.StatusConflict},
	"requestReset":        {http.StatusNotFound},
	"requestConfirmation": {http.StatusNotFound},
	"unsubscribe":         {http.StatusNotFound},
	"showUnsubscribe":     {http.StatusNotFound},
	"linkOIDC":            {http.StatusForbidden, http.StatusNotFound},
	"confirmOIDC":         {http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
	"changePassword":      {http.StatusForbidden},
	"deleteAccount":       {http.StatusForbidden},
	"describeAssistant":   {http.StatusNotFound},
	"letAssistantIn":      {http.StatusNotFound, http.StatusConflict},
	"removeDemo":          {http.StatusNotFound},
	"acceptTransfer":      {http.StatusNotFound},
	"rejectTransfer":      {http.StatusNotFound},
	"unsubscribePush":     {http.StatusNotFound},
	"getPushKey":          {http.StatusNotFound},
}

// refusals are the errors that come of what a request of a type holds.
func refusals(input reflect.Type) (statuses []int) {
	if _, has := input.FieldByName("Body"); has {
		statuses = append(statuses, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if _, has := input.FieldByName("IfMatch"); has {
		statuses = append(statuses, http.StatusPreconditionFailed, http.StatusConflict)
	}
	if _, has := input.FieldByName("IdempotencyKey"); has {
		statuses = append(statuses, http.StatusConflict)
	}
	return statuses
}

// declare registers an operation whose errors are told as problems.
func declare[I, O any](r routes, h huma.Operation, endpoint func(context.Context, *I) (*O, error)) {
	input := reflect.TypeFor[I]()
	h.Errors = append(h.Errors, refusals(input)...)
	h.Middlewares = append(slices.Clip(h.Middlewares), r.strict(h, input))
	if h.MaxBodyBytes > limits.MaxBody { // a file: admitted before it is read
		h.Middlewares = append(h.Middlewares, r.uploaded(h.MaxBodyBytes))
		h.BodyReadTimeout = -1 // it has been read
	}
	h.MaxBodyBytes++ // huma refuses a body of so many bytes, which is the most that the limit allows
	huma.Register(r.API, h, func(ctx context.Context, in *I) (*O, error) {
		out, err := endpoint(ctx, in)
		if err == nil {
			return out, nil
		}
		p := describe(ctx, err)
		if p.Status >= 500 && ctx.Err() == nil {
			r.api.Log.ErrorContext(ctx, "request failed", "method", h.Method, "path", h.Path, "error", err)
		}
		return nil, p
	})
}

// caller is who asks, and for what.
type caller struct {
	account.Caller
	user uuid.UUID
	uri  string // path and query
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	its, _ := ctx.Value(callerKey{}).(caller)
	return its
}

// authenticated lets those pass who bring a valid access token.
func (r routes) authenticated(ctx huma.Context, next func(huma.Context)) {
	token, ok := strings.CutPrefix(ctx.Header("Authorization"), "Bearer ")
	if !ok {
		r.unauthorized(ctx, "an access token in the header Authorization (Bearer) is needed")
		return
	}
	who, err := r.api.Tokens.Caller(token)
	if err != nil {
		r.unauthorized(ctx, err.Error())
		return
	}
	if r.api.Accounts.Ended.Has(who.Session) {
		r.unauthorized(ctx, "the session of this access token has ended: log in again")
		return
	}
	if status, why := refusesAssistant(ctx.Context(), who, ctx.Operation().OperationID); status != 0 {
		_ = huma.WriteErr(r.API, ctx, status, why)
		return
	}
	if !r.api.Requests.Allow(who.User) {
		_ = huma.WriteErr(r.API, ctx, http.StatusTooManyRequests, tooOften)
		return
	}
	url := ctx.URL()
	next(huma.WithValue(ctx, callerKey{}, caller{Caller: who, user: who.User, uri: url.RequestURI()}))
}

func (r routes) unauthorized(ctx huma.Context, why string) {
	_ = huma.WriteErr(r.API, ctx, http.StatusUnauthorized, why)
}
