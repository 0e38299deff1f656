package rest

import (
	"bytes"
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/finance/currency"
	"github.com/wealth-companion/companion/app/store/pagination"
)

type putRate struct{ Body currency.Rate }

// ListRates narrows a list of rates.
type ListRates struct {
	Paged
	Base  string `query:"base" maxLength:"3" doc:"ISO 4217"`
	Quote string `query:"quote" maxLength:"3" doc:"ISO 4217"`
}

// OneRate names a rate in the path.
type OneRate struct {
	Base  string `path:"base" maxLength:"3"`
	Quote string `path:"quote" maxLength:"3"`
	Date  string `path:"date" maxLength:"10" doc:"YYYY-MM-DD"`
}

type convert struct {
	Amount string `query:"amount" required:"true" maxLength:"20" doc:"More than zero, a decimal string" example:"12.50"`
	From   string `query:"from" required:"true" maxLength:"3" doc:"ISO 4217"`
	To     string `query:"to" required:"true" maxLength:"3" doc:"ISO 4217"`
	Date   string `query:"date" maxLength:"10" doc:"YYYY-MM-DD; without it, today"`
}

type importRates struct {
	Keyed
	Body struct {
		File     []byte `json:"file" doc:"A CSV of date,base,quote,rate, in base64"`
		BadLines string `json:"badLines,omitempty" enum:"skip,refuse" doc:"What one bad line does: skip (without it) leaves it out, refuse has nothing taken"`
	}
}

func (r routes) currencies() {
	open(r, operation{http.MethodGet, "/currencies", "listCurrencies", "The currencies there are, by code", 0, 0},
		func(context.Context, *struct{}) (pagination.List[currency.Currency], error) {
			return whole(currency.All(), nil)
		})
	own(r, operation{http.MethodGet, "/rates", "listRates", "The caller's rates, the latest day first", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *ListRates) (pagination.List[currency.Rate], error) {
			return r.api.Rates.List(ctx, user, in.Base, in.Quote, in.Limit, in.Cursor)
		})
	own(r, operation{http.MethodPut, "/rates", "putRate", "Enter a rate, in place of another of the same day and pair", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *putRate) (currency.Rate, error) {
			return r.api.Rates.Put(ctx, user, in.Body)
		})
	own(r, operation{http.MethodPost, "/rates/import", "importRates", "Import rates from a CSV", http.StatusCreated, limits.MaxFileBody},
		func(ctx context.Context, user uuid.UUID, in *importRates) (currency.ImportedRates, error) {
			return r.api.Rates.Import(ctx, user, bytes.NewReader(in.Body.File), in.Body.BadLines == "refuse")
		})
	own(r, operation{http.MethodGet, "/rates/convert", "convert", "Convert an amount at the latest rates on or before a day", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *convert) (currency.Conversion, error) {
			return r.api.Rates.Convert(ctx, user, in.Amount, in.From, in.To, in.Date)
		})
	own(r, operation{http.MethodDelete, "/rates/{base}/{quote}/{date}", "deleteRate", "Remove a rate", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *OneRate) (nothing, error) {
			return nothing{}, r.api.Rates.Delete(ctx, user, in.Base, in.Quote, in.Date)
		})
}
