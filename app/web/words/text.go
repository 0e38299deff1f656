package words

// Text is everything that the web says in a language. A text that is missing is found by a test,
// one that is misspelled by the compiler.
type Text struct {
	// The frame of every page.
	Product, Skip, Menu, Overview, Transactions, Budgets, Wallets, Insights, Alerts, SignUp, LogIn, LogOut, Language, Account, Close string
	Unread                                                                                                                           func(n int64) string
	Connected                                                                                                                        string // live alerts

	// Landing.
	Tagline, Promise, TryIt           string
	Point1, Point1Text                string
	Point2, Point2Text                string
	Point3, Point3Text                string
	PrivacyNote                       string
	Example, ExampleNote, ExampleText string

	// Logging in and signing up.
	Email, Password, NewPassword, PasswordHint, YourName, Optional string
	SignUpTitle, SignUpText, HaveAccount, NoAccount, LogInTitle    string
	LoggedOut, LogInAgain, WrongPassword, AddressTaken             string

	// A forgotten password, and settings.
	Forgot, ForgotTitle, ForgotText, MailLink, ResetMailed, NoMail              string
	Settings, SettingsSaved, MailAgain, LinkMailed                              string
	NotConfirmed                                                                func(email string) string
	ChangePassword, OldPassword, NextPassword, PasswordChanged, PasswordWrong   string
	LogOutAll, LogOutAllHint                                                    string
	Notifications, NotificationsText, ToldOf, ByEmail, Digest                   string
	Digests                                                                     map[string]string
	QuietFrom, QuietUntil, BothTimes                                            string
	RemoveDemo, RemoveDemoText, DemoRemoved                                     string
	Assistants, AssistantsText, NoAssistants, RemoveAssistant, AssistantRemoved string
	AssistantSince                                                              func(day, used string) string
	YourData, Export, ExportText, DeleteAccount, DeleteText, AccountDeleted     string

	// An assistant that wants to be let in.
	AssistantUnnamed, AssistantTitle, AssistantUnchecked, AssistantMay, AssistantNever, Allow, Deny string
	AssistantAsks, AssistantAnswers, AssistantAnswersHere, AssistantBackText                        func(name string) string
	AssistantScopes                                                                                 map[string]string
	AssistantBack, Continue, AssistantWrong, AssistantWrongText                                     string

	// Onboarding.
	WelcomeTitle                                                      func(name string) string
	WelcomeText, FirstWallet, FirstWalletText, DemoTitle, DemoText    string
	FillDemo, CreateWallet, WalletName, WalletKind, Currency, Opening string
	OpeningHint, TimeZone, TimeZoneHint, WalletNameExample            string
	Kinds                                                             map[string]string

	// Dashboard.
	NetWorth, InMonthSoFar                                  string
	Earned, Spent, Left, SoFar                              string
	More, Less                                              func(percent string) string
	SameAsBefore, NothingBefore, LeftOut                    string
	BudgetsThisMonth, NoBudgets, MakeBudget, AllBudgets     string
	BudgetStates                                            map[string]string
	BudgetOf                                                func(spent, limit string) string
	BudgetLeft, BudgetOver                                  func(amount string) string
	Health, HealthUnknown, HealthWhy, HealthRaise, OutOf100 string
	Verdicts, Parts                                         map[string]string
	NewInsights, NoInsights, AllInsights                    string
	InsightKinds                                            map[string]string
	Tasks, NoTasks, DueOn, Overdue                          string
	Goals, SavedOf                                          string
	AllWallets, EmptyTitle, EmptyText                       string
	StaleTitle                                              func(moment string) string
	StaleText, AsOf                                         string

	// Categories are the names of those that everybody begins with, by slug.
	Categories map[string]string

	// Transactions, budgets, wallets, insights and alerts.
	NewTransaction, Kind, Expense, IncomeOne, Expenses, Income, Transfers, AmountLabel, Description, CategoryLabel, Wallet, DayLabel, Record, List, Search, Find, Filters, AnyWallet, AnyCategory, ClearSearch, ThisMonth, LastMonth, Deleted, Refund, NothingFound, NoTransactions, LookedBack, Older, Choose, Recorded, Changed, Removed, Restored, Undo, BadSearch, EditTransaction, IsDeleted, Restore, Save, Cancel, Delete, Entered, MonthChoice, NoBudgetsIn, CarriedOver, WarnedAt, Change, Limit, WarnAt, Rollover, BudgetThere, BadPercent, EditBudget, RemoveBudget, InUse, Archived, NewWallet, IsArchived, Archive, ArchiveHint, OpeningBalance, RestsOn, Confidence, WouldEnd, Dismiss, Useful, NotUseful, WrongOne, NoAlerts, MarkRead, New string
	CopyBudgets                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                            func(month string) string
	Channels                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                               map[string]string // by which alerts come

	// What went wrong.
	NotFoundTitle, NotFoundText, UnavailableTitle, UnavailableText, FailedTitle, FailedText, ForbiddenTitle, ForbiddenText string
	TryAgain, BackHome, Reference                                                                                          string
	CheckFields, Required, BadAmount, BadDay, BadZone, TooLong, TooShort, BadEmail, ChangedMeanwhile, TooOften             string
}
