package edge

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/limits"
)

// The pattern is that of the custom resource definition, which a mocked engine
// does not check.
func TestSizesAreWrittenAsNGINXTakesThem(t *testing.T) {
	for name, c := range map[string]struct {
		bytes int
		want  string
	}{
		"a byte more than a KiB":     {1<<10 + 1, "2k"},
		"what the API takes at most": {limits.MaxFileBody, "5526k"},
		"more KiB than four digits":  {10 << 20, "10m"},
		"a byte more than so much":   {10<<20 + 1, "11m"},
	} {
		t.Run(name, func(t *testing.T) {
			got := nginxSize(c.bytes)
			require.Equal(t, c.want, got)
			require.Regexp(t, `^\d{1,4}(k|m|g)?$`, got)
		})
	}
}

func TestErrorPagesAreProblems(t *testing.T) {
	pages, err := problemPages(limits.MaxFileBody)
	require.NoError(t, err)
	bodies := regexp.MustCompile(`return (\d+) '([^']*)';`).FindAllStringSubmatch(pages, -1)
	require.Len(t, bodies, 2*len(problems), "for programs and for browsers")
	for _, body := range bodies {
		require.NotContains(t, body[2], "$", "NGINX would look for a variable")
		require.Less(t, len(body[2]), 4000, "NGINX reads no longer word")
		if strings.HasPrefix(body[2], "<") {
			require.Contains(t, body[2], pageStyle)
			require.Contains(t, pages, "location = /.pages/"+body[1])
			continue
		}
		var problem struct {
			Title, Detail string
			Status        json.Number
		}
		require.NoError(t, json.Unmarshal([]byte(body[2]), &problem))
		require.Equal(t, body[1], problem.Status.String())
		require.NotEmpty(t, problem.Title)
		require.NotEmpty(t, problem.Detail)
		require.Contains(t, pages, "error_page "+body[1]+" $companion_problems/"+body[1])
	}
	for _, location := range strings.SplitAfter(pages, "';\n}\n") {
		require.Equal(t, strings.Contains(location, "add_header Retry-After") || strings.Contains(location, "add_header Content-Security-Policy"), strings.Contains(location, "Strict-Transport-Security"),
			"a location with a header of its own loses the server's: %s", location)
	}
	require.Equal(t, strings.Count(pages, "{\n"), strings.Count(pages, "}\n"))
}

// What follows a request's path, or the page that a browser came from, may let somebody in.
func TestNGINXLogsNoParametersOfRequests(t *testing.T) {
	settings := httpSettings()
	format := regexp.MustCompile(`(?s)log_format (\w+) escape=json (.*?);`).FindStringSubmatch(settings)
	require.NotNil(t, format)
	require.Contains(t, settings, "access_log /dev/stdout "+format[1]+";")
	variables := regexp.MustCompile(`\$\w+`).FindAllString(format[2], -1)
	require.Contains(t, variables, "$companion_path")
	for _, name := range variables {
		require.NotContains(t, []string{
			"$request", "$request_uri", "$args", "$query_string", "$is_args", "$http_referer", "$http_cookie", "$http_authorization", "$request_body",
		}, name)
		require.False(t, strings.HasPrefix(name, "$arg_") || strings.HasPrefix(name, "$cookie_"), name)
	}
	path := regexp.MustCompile(`"~(\^[^"]*)" \$companion_path_alone;`).FindStringSubmatch(settings)
	require.NotNil(t, path)
	alone := regexp.MustCompile(path[1]).FindStringSubmatch("/api/v1/auth/oidc/callback?code=secret&state=%3F?x")
	require.Equal(t, "/api/v1/auth/oidc/callback", alone[1])

	var line map[string]any
	text := strings.Join(regexp.MustCompile(`'([^']*)'`).FindAllString(format[2], -1), "")
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(text, "'", "")), &line), "it is JSON")
}
