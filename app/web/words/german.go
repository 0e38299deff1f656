package words

import "fmt"

var german = Text{
	Product: "Wealth Companion", Skip: "Zum Inhalt springen", Menu: "Hauptmenü", Overview: "Übersicht", Transactions: "Buchungen", Budgets: "Budgets",
	Wallets: "Konten", Insights: "Hinweise", Alerts: "Meldungen", SignUp: "Registrieren", LogIn: "Anmelden", LogOut: "Abmelden", Language: "Sprache",
	Account: "Konto", Close: "Schließen",
	Unread: func(n int64) string {
		if n == 1 {
			return "1 ungelesene Meldung"
		}
		return fmt.Sprintf("%d ungelesene Meldungen", n)
	},
	Connected: "Neue Meldungen erscheinen hier, sobald sie eintreffen",

	Tagline: "Wissen, wohin das Geld geht. Bevor es geht.",
	Promise: "Wealth Companion behält Ausgaben, Budgets und Rechnungen im Blick und meldet sich, wenn etwas einen Blick verdient, mit den Zahlen, auf denen das beruht.",
	TryIt:   "Sehen Sie sich mit Beispieldaten um: Das dauert eine Minute und braucht keine Bank.",
	Point1:  "Rechtzeitig gesagt", Point1Text: "Ein Budget, das zur Neige geht, ein Preis, der stieg, eine doppelte Abbuchung: Sie erfahren es binnen Sekunden.",
	Point2: "Jede Zahl erklärt", Point2Text: "Jeder Hinweis zeigt, worauf er beruht und wie sicher er ist. Sagen Sie, wenn er falsch ist: Er lernt daraus.",
	Point3: "Nur für Sie", Point3Text: "Keine Werbung, kein Verkauf von Daten. Nehmen Sie alles in einer Datei mit oder löschen Sie es, wann Sie wollen.",
	PrivacyNote: "Diese Seite setzt Cookies nur, damit Sie angemeldet bleiben und Ihre Sprache gemerkt wird.",
	Example:     "Lebensmittel zu 80 % verbraucht", ExampleNote: "Beispiel", ExampleText: "320,00 € von 400,00 € sind ausgegeben, 9 Tage vor Monatsende. In diesem Tempo werden es 457,14 €.",

	Email: "E-Mail-Adresse", Password: "Passwort", NewPassword: "Passwort", PasswordHint: "Mindestens 10 Zeichen. Einige Wörter merken sich leichter als Sonderzeichen.",
	YourName: "Ihr Name", Optional: "freiwillig",
	SignUpTitle: "Konto anlegen", SignUpText: "Eine E-Mail-Adresse genügt.", HaveAccount: "Sie haben schon ein Konto?", NoAccount: "Noch kein Konto?", LogInTitle: "Willkommen zurück",
	LoggedOut: "Sie sind abgemeldet.", LogInAgain: "Ihre Sitzung ist beendet. Bitte melden Sie sich wieder an.", WrongPassword: "E-Mail-Adresse oder Passwort stimmt nicht.", AddressTaken: "Zu dieser Adresse gibt es schon ein Konto. Bitte melden Sie sich an.",

	WelcomeTitle: func(name string) string {
		if name == "" {
			return "Willkommen"
		}
		return "Willkommen, " + name
	},
	WelcomeText: "Zwei Wege anzufangen. Den anderen können Sie später gehen.", FirstWallet: "Ihr erstes Konto",
	FirstWalletText: "Ein Konto ist ein Ort, an dem Geld liegt: bei der Bank, auf der Kreditkarte, in der Tasche.",
	DemoTitle:       "Oder erst einmal umsehen", DemoText: "Einige Monate eines Beispielhaushalts: zwei Konten, Budgets, Ziele und Rechnungen. Sie können alles wieder entfernen.",
	FillDemo: "Mit Beispieldaten füllen", CreateWallet: "Konto anlegen", WalletName: "Name", WalletKind: "Art", Currency: "Währung", Opening: "Was jetzt darauf ist",
	OpeningHint: "Mit Minus, was geschuldet wird.", TimeZone: "Zeitzone", TimeZoneHint: "Nach ihr richtet sich, an welchem Tag und in welchem Monat etwas zählt.", WalletNameExample: "Girokonto",
	Kinds: map[string]string{"cash": "Bargeld", "checking": "Bankkonto", "credit": "Kreditkarte", "savings": "Ersparnisse", "investment": "Geldanlage"},

	NetWorth: "Vermögen", InMonthSoFar: "diesen Monat bisher", Earned: "Eingenommen", Spent: "Ausgegeben", Left: "Übrig", SoFar: "Dieser Monat bisher",
	More:         func(p string) string { return p + " mehr als im Vormonat bis zu diesem Tag" },
	Less:         func(p string) string { return p + " weniger als im Vormonat bis zu diesem Tag" },
	SameAsBefore: "So viel wie im Vormonat bis zu diesem Tag", NothingBefore: "Nichts im Vormonat bis zu diesem Tag",
	LeftOut:          "Nicht enthalten, weil ein Wechselkurs fehlt:",
	BudgetsThisMonth: "Budgets", NoBudgets: "Für diesen Monat gibt es noch keine Budgets. Ein Budget warnt, bevor das Geld weg ist.", MakeBudget: "Budget anlegen", AllBudgets: "Alle Budgets",
	BudgetStates: map[string]string{"ok": "Im Rahmen", "warning": "Fast verbraucht", "exceeded": "Überschritten"},
	BudgetOf:     func(spent, limit string) string { return spent + " von " + limit },
	BudgetLeft:   func(a string) string { return a + " übrig" }, BudgetOver: func(a string) string { return a + " darüber" },
	Health: "Finanzielle Gesundheit", HealthUnknown: "Noch gibt es zu wenig, um zu urteilen. Das kommt mit den ersten Wochen an Buchungen und Budgets.", HealthWhy: "Wie das zustande kommt", HealthRaise: "Was sie heben würde", OutOf100: "von 100",
	Verdicts:    map[string]string{"unknown": "Noch nicht bekannt", "poor": "Braucht Fürsorge", "fair": "Mäßig", "good": "Gut", "excellent": "Sehr gut"},
	Parts:       map[string]string{"budgets": "Budgets", "savings_rate": "Sparquote", "consistency": "Beständigkeit", "goals": "Ziele"},
	NewInsights: "Einen Blick wert", NoInsights: "Nichts braucht Ihre Aufmerksamkeit. Neue Hinweise erscheinen hier, sobald es sie gibt.", AllInsights: "Alle Hinweise",
	InsightKinds: map[string]string{"spending_pattern": "Ausgaben", "budget_warning": "Budget", "savings_tip": "Sparen", "investment_suggestion": "Anlegen"},
	Tasks:        "Zu tun", NoTasks: "In den nächsten zwei Wochen ist nichts fällig.", DueOn: "Fällig", Overdue: "Überfällig",
	Goals: "Ziele", SavedOf: "gespart von", AllWallets: "Alle Konten", EmptyTitle: "Noch ist hier nichts", EmptyText: "Legen Sie ein Konto an oder nehmen Sie Beispieldaten, dann füllt sich diese Seite.",
	StaleTitle: func(moment string) string { return "Diese Zahlen sind vom " + moment },
	StaleText:  "Ihre Daten sind gerade nicht erreichbar; so sah es zuletzt aus. Änderungen sind bis dahin nicht möglich.", AsOf: "Stand",

	Categories: map[string]string{"groceries": "Lebensmittel", "housing": "Wohnen", "utilities": "Energie und Netz", "transport": "Verkehr", "health": "Gesundheit", "insurance": "Versicherung", "leisure": "Freizeit", "shopping": "Einkäufe", "subscriptions": "Abonnements", "other": "Sonstiges", "salary": "Gehalt", "other-income": "Andere Einnahmen", "transfer": "Umbuchung"},

	NotFoundTitle: "Hier ist nichts", NotFoundText: "Die Seite gibt es nicht, oder was sie zeigte, wurde gelöscht.",
	UnavailableTitle: "Ihre Daten sind gerade nicht erreichbar", UnavailableText: "Sie sind sicher; nur antwortet der Dienst im Moment nicht. Bitte versuchen Sie es in einer Minute wieder.",
	FailedTitle: "Bei uns ist etwas schiefgegangen", FailedText: "Es ist vermerkt. Bitte versuchen Sie es noch einmal; bleibt es dabei, nennen Sie die Kennung unten.",
	ForbiddenTitle: "Das kam nicht von unseren Seiten", ForbiddenText: "Die Anfrage wurde zu Ihrem Schutz abgelehnt. Bitte gehen Sie zurück und versuchen Sie es von der Seite selbst.",
	TryAgain: "Noch einmal versuchen", BackHome: "Zur Übersicht", Reference: "Kennung",
	CheckFields: "Bitte prüfen Sie die markierten Felder.", Required: "Bitte ausfüllen.", BadAmount: "Bitte einen Betrag wie 12,50 eingeben.", BadDay: "Bitte einen Tag wie 2026-11-27 eingeben.",
	BadZone: "Bitte eine Zeitzone wie Europe/Berlin eingeben.",
	TooLong: "Das ist zu lang.", TooShort: "Bitte mindestens 10 Zeichen.", BadEmail: "Bitte eine E-Mail-Adresse wie ada@example.org eingeben.",
	ChangedMeanwhile: "Das wurde inzwischen anderswo geändert. Unten steht, wie es jetzt ist; bitte ändern Sie es noch einmal.", TooOften: "Das war zu oft. Bitte warten Sie eine Minute.",
}
