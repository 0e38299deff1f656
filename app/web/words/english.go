package words

import "fmt"

var english = Text{
	Product: "Wealth Companion", Skip: "Skip to content", Menu: "Main", Overview: "Overview", Transactions: "Transactions", Budgets: "Budgets",
	Wallets: "Wallets", Insights: "Insights", Alerts: "Alerts", SignUp: "Sign up", LogIn: "Log in", LogOut: "Log out", Language: "Language",
	Account: "Account", Close: "Close",
	Unread: func(n int64) string {
		if n == 1 {
			return "1 unread alert"
		}
		return fmt.Sprintf("%d unread alerts", n)
	},
	Connected: "New alerts appear here as they come",

	Tagline: "Know where your money goes. Before it goes.",
	Promise: "Wealth Companion watches over your spending, your budgets and your bills, and tells you when something deserves a look, with the numbers it rests on.",
	TryIt:   "Look around with example data: it takes a minute and needs no bank.",
	Point1:  "Told in time", Point1Text: "A budget that runs out, a price that rose, a charge that came twice: you hear of it within seconds.",
	Point2: "Every number explained", Point2Text: "Each finding shows its facts and how sure it is. Tell it that it is wrong, and it learns.",
	Point3: "Yours alone", Point3Text: "No advertising, no selling of data. Take everything out in one file, or delete it, whenever you like.",
	PrivacyNote: "This site sets cookies only to keep you logged in and to remember your language.",
	Example:     "Groceries are 80% used", ExampleNote: "Example", ExampleText: "€320.00 of €400.00 are spent, with 9 days to go. At this pace the month ends at €457.14.",

	Email: "E-mail address", Password: "Password", NewPassword: "Password", PasswordHint: "At least 10 characters. A few words are easier to remember than signs.",
	YourName: "Your name", Optional: "optional",
	SignUpTitle: "Create your account", SignUpText: "All it takes is an e-mail address.", HaveAccount: "You have an account already?", NoAccount: "No account yet?", LogInTitle: "Welcome back",
	LoggedOut: "You are logged out.", LogInAgain: "Your session has ended. Please log in again.", WrongPassword: "The e-mail address or the password is not right.", AddressTaken: "This address has an account already. Log in instead.",

	WelcomeTitle: func(name string) string {
		if name == "" {
			return "Welcome"
		}
		return "Welcome, " + name
	},
	WelcomeText: "Two ways to begin. You can do the other later.", FirstWallet: "Your first wallet",
	FirstWalletText: "A wallet is where money is: a bank account, a credit card, the cash in your pocket.",
	DemoTitle:       "Or look around first", DemoText: "Some months of an example household: two wallets, budgets, goals and bills. You can remove all of it again.",
	FillDemo: "Fill with example data", CreateWallet: "Create wallet", WalletName: "Name", WalletKind: "Kind", Currency: "Currency", Opening: "What is in it now",
	OpeningHint: "With a minus for what is owed.", TimeZone: "Time zone", TimeZoneHint: "It decides on which day and in which month something counts.", WalletNameExample: "Everyday account",
	Kinds: map[string]string{"cash": "Cash", "checking": "Bank account", "credit": "Credit card", "savings": "Savings", "investment": "Investment"},

	NetWorth: "Net worth", InMonthSoFar: "this month so far", Earned: "Earned", Spent: "Spent", Left: "Left over", SoFar: "This month so far",
	More:         func(p string) string { return p + " more than last month by this day" },
	Less:         func(p string) string { return p + " less than last month by this day" },
	SameAsBefore: "As much as last month by this day", NothingBefore: "Nothing last month by this day",
	LeftOut:          "Not included, for want of an exchange rate:",
	BudgetsThisMonth: "Budgets", NoBudgets: "No budgets for this month yet. A budget warns you before the money is gone.", MakeBudget: "Make a budget", AllBudgets: "All budgets",
	BudgetStates: map[string]string{"ok": "On track", "warning": "Nearly used", "exceeded": "Exceeded"},
	BudgetOf:     func(spent, limit string) string { return spent + " of " + limit },
	BudgetLeft:   func(a string) string { return a + " left" }, BudgetOver: func(a string) string { return a + " over" },
	Health: "Financial health", HealthUnknown: "There is not enough to judge by yet. It comes with your first weeks of transactions and budgets.", HealthWhy: "How this comes about", HealthRaise: "What would raise it", OutOf100: "of 100",
	Verdicts:    map[string]string{"unknown": "Not known yet", "poor": "Needs care", "fair": "Fair", "good": "Good", "excellent": "Excellent"},
	Parts:       map[string]string{"budgets": "Budgets", "savings_rate": "Savings rate", "consistency": "Consistency", "goals": "Goals"},
	NewInsights: "Worth a look", NoInsights: "Nothing needs your attention. New insights appear here as they are found.", AllInsights: "All insights",
	InsightKinds: map[string]string{"spending_pattern": "Spending", "budget_warning": "Budget", "savings_tip": "Saving", "investment_suggestion": "Investing"},
	Tasks:        "To do", NoTasks: "Nothing is due within two weeks.", DueOn: "Due", Overdue: "Overdue",
	Goals: "Goals", SavedOf: "saved of", AllWallets: "All wallets", EmptyTitle: "Nothing here yet", EmptyText: "Create a wallet, or fill in example data, and this page comes to life.",
	StaleTitle: func(moment string) string { return "These numbers are from " + moment },
	StaleText:  "We cannot reach your data at the moment, so this is how it was last seen. Changes are not possible until then.", AsOf: "As of",

	Categories: map[string]string{"groceries": "Groceries", "housing": "Housing", "utilities": "Utilities", "transport": "Transport", "health": "Health", "insurance": "Insurance", "leisure": "Leisure", "shopping": "Shopping", "subscriptions": "Subscriptions", "other": "Other", "salary": "Salary", "other-income": "Other income", "transfer": "Transfer"},

	NotFoundTitle: "There is nothing here", NotFoundText: "The page does not exist, or what it showed has been deleted.",
	UnavailableTitle: "We cannot reach your data", UnavailableText: "It is safe; the service just does not answer at the moment. Please try again in a minute.",
	FailedTitle: "Something went wrong on our side", FailedText: "It has been noted. Please try again; if it stays, quote the reference below.",
	ForbiddenTitle: "This did not come from our pages", ForbiddenText: "The request was refused to protect you. Please go back and try from the page itself.",
	TryAgain: "Try again", BackHome: "Back to the overview", Reference: "Reference",
	CheckFields: "Please check the marked fields.", Required: "Please fill this in.", BadAmount: "Please enter an amount such as 12.50.", BadDay: "Please enter a day such as 2026-11-27.",
	BadZone: "Please enter a time zone such as Europe/Berlin.",
	TooLong: "This is too long.", TooShort: "Please use at least 10 characters.", BadEmail: "Please enter an e-mail address such as ada@example.org.",
	ChangedMeanwhile: "This has been changed elsewhere meanwhile. Below is how it is now; please make your change again.", TooOften: "That was too often. Please wait a minute.",
}
