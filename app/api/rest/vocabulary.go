package rest

import (
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
)

// The schema's refusals in the words that the domain uses: each goes behind a
// field's name and says what to send. "%.0s" drops what a library says of it.
func init() {
	huma.ValidateStrictCasing = true // "Amount" beside "amount" would be the same field twice
	for message, text := range map[*string]string{
		&validation.MsgUnexpectedProperty:                "is not a field here: leave it out or spell it as the documentation does",
		&validation.MsgExpectedRFC3339DateTime:           "must be a time such as 2026-11-03T12:00:00Z",
		&validation.MsgExpectedRFC3339Date:               "must be a day such as 2026-11-03",
		&validation.MsgExpectedRFC5322Email:              "must be an e-mail address%.0s",
		&validation.MsgExpectedRFC3986URI:                "must be an address (URI)%.0s",
		&validation.MsgExpectedRFC4122UUID:               "must be an id (UUID)%.0s",
		&validation.MsgExpectedBoolean:                   "must be true or false",
		&validation.MsgExpectedNumber:                    "must be a number",
		&validation.MsgExpectedInteger:                   "must be a whole number",
		&validation.MsgExpectedString:                    "must be text (in JSON: in quotation marks, amounts too)",
		&validation.MsgExpectedBase64String:              "must be in base64",
		&validation.MsgExpectedArray:                     "must be a list",
		&validation.MsgExpectedObject:                    "must be an object",
		&validation.MsgExpectedArrayItemsUnique:          "must not hold the same twice",
		&validation.MsgExpectedOneOf:                     `must be one of "%s"`,
		&validation.MsgExpectedMinimumNumber:             "must be %v or more",
		&validation.MsgExpectedExclusiveMinimumNumber:    "must be more than %v",
		&validation.MsgExpectedMaximumNumber:             "must be %v or less",
		&validation.MsgExpectedExclusiveMaximumNumber:    "must be less than %v",
		&validation.MsgExpectedMinLength:                 "must have at least %d characters",
		&validation.MsgExpectedMaxLength:                 "must have at most %d characters",
		&validation.MsgExpectedMatchPattern:              "must match %s",
		&validation.MsgExpectedMinItems:                  "must have at least %d entries",
		&validation.MsgExpectedMaxItems:                  "must have at most %d entries",
		&validation.MsgExpectedMinProperties:             "must have at least %d fields",
		&validation.MsgExpectedMaxProperties:             "must have at most %d fields",
		&validation.MsgExpectedRequiredProperty:          "%s" + fieldMark + "is missing",
		&validation.MsgExpectedDependentRequiredProperty: "%s" + fieldMark + "is missing: it goes with %s",
		&validation.MsgExpectedMatchAtLeastOneSchema:     "is of no form that is taken here",
		&validation.MsgExpectedMatchExactlyOneSchema:     "is of no form that is taken here",
		&validation.MsgExpectedNotMatchSchema:            "is of a form that is not taken here",
		&validation.MsgExpectedBePattern:                 "must be %s",
		&validation.MsgExpectedNumberBeMultipleOf:        "must be a multiple of %v",
		&validation.MsgExpectedPropertyNameInObject:      "is missing a name",
	} {
		*message = text
	}
}

// parameterWords are refusals of parameters that huma has no variables for.
var parameterWords = map[string]string{
	"required query parameter is missing":  "is missing",
	"required path parameter is missing":   "is missing",
	"required header parameter is missing": "is missing",
	"invalid integer":                      "must be a whole number",
	"invalid boolean":                      "must be true or false",
}
