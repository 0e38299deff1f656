module github.com/wealth-companion/companion/stacks

go 1.26.3
