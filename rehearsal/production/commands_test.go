package production

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommandsOfADocument(t *testing.T) {
	commands, err := Commands(t.Context(), "1. Text with `pulumi up` and `stacks/x.json`:\n   ```sh\n   export A=1   # why\n\n   for a in b c; do\n     echo \"$a\"\n   done\n   make x \\\n     Y=1\n   ```\n```\nnot run\n```\n```sh\nlast\n```\n")
	require.NoError(t, err)
	require.Equal(t, []string{"export A=1   # why", "for a in b c; do\n  echo \"$a\"\ndone", "make x \\\n  Y=1", "last"}, commands)
	_, err = Commands(t.Context(), "```sh\nfor a in b; do\n```\n")
	require.ErrorContains(t, err, "a command has no end")
	require.Equal(t, []string{"pulumi up"}, Mentioned("`pulumi up` of `Pulumi.prod.yaml`\n```sh\nmake `date`\n```\n"))
}
