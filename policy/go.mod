module github.com/wealth-companion/companion/policy

go 1.26.3
