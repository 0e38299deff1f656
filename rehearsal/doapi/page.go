package doapi

import (
	"net/http"
	"net/url"
	"strconv"
)

const (
	defaultPerPage = 20
	maxPerPage     = 200
)

// page answers a list: the page that is asked for, links to the others, and
// how many there are in all.
func page[T any](r *http.Request, name string, all []T) (any, error) {
	number, err := positive(r, "page", 1)
	if err != nil {
		return nil, err
	}
	size, err := positive(r, "per_page", defaultPerPage)
	if err != nil {
		return nil, err
	}
	size = min(size, maxPerPage)
	last := max(1, (len(all)+size-1)/size)
	from := min((number-1)*size, len(all))
	shown := append([]T{}, all[from:min(from+size, len(all))]...)

	pages := map[string]string{}
	if number > 1 {
		pages["first"] = pageURL(r, 1)
		pages["prev"] = pageURL(r, number-1)
	}
	if number < last {
		pages["next"] = pageURL(r, number+1)
		pages["last"] = pageURL(r, last)
	}
	links := object{}
	if len(pages) > 0 {
		links["pages"] = pages
	}
	return object{name: shown, "links": links, "meta": object{"total": len(all)}}, nil
}

func positive(r *http.Request, name string, otherwise int) (int, error) {
	given := r.URL.Query().Get(name)
	if given == "" {
		return otherwise, nil
	}
	number, err := strconv.Atoi(given)
	if err != nil || number < 1 || number > 1<<20 {
		return 0, failf(http.StatusBadRequest, "%s must be a number from 1 on, not %q", name, given)
	}
	return number, nil
}

func pageURL(r *http.Request, number int) string {
	query := r.URL.Query()
	query.Set("page", strconv.Itoa(number))
	address := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: query.Encode()}
	return address.String()
}
