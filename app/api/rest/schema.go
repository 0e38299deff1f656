package rest

import (
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// general are names that several packages of the domain give to types of theirs.
var general = map[string]bool{
	"New": true, "Change": true, "Copy": true, "Status": true, "Progress": true, "Month": true, "Part": true, "Score": true, "Count": true,
	"Result": true, "Input": true, "Point": true, "Total": true, "Category": true,
}

// schemaName is what the OpenAPI document calls a type: by its name and, where
// that says too little, its package's: budget.New is "BudgetNew".
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	its := path.Base(t.PkgPath())
	if !general[t.Name()] || its == "ledger" || its == "." {
		return name
	}
	return strings.ToUpper(its[:1]) + its[1:] + name
}
