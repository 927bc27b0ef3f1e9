using System.CommandLine;
using CoScientist.Core.Storage;
using CoScientist.Web.Accounts;

namespace CoScientist.Web.Commands;

/// <summary><c>account</c>: who may sign in, for who sits at the server. What it does stands in the audit trail; a server that runs over the same data keeps to it at once.</summary>
internal static class AccountCommand
{
    private static readonly Argument<string> s_name = new("name") { Description = "Name of the account" };

    private static readonly Option<string[]> s_roles = new("--role")
    {
        Description = "Role of the account; several are allowed",
        HelpName = "ROLE",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<int> s_hours = new("--hours") { Description = "How long the link holds", DefaultValueFactory = _ => (int)AccountStore.LinkLifetime.TotalHours };

    private static readonly Option<string> s_url = new("--url") { Description = "Address of the server, for the link", DefaultValueFactory = _ => "http://localhost:5080" };

    public static Command Create()
    {
        s_roles.AcceptOnlyFromAmong([.. Roles.All]);
        s_hours.Validators.Add(result =>
        {
            if (result.GetValue(s_hours) is < 1 or > 24 * 90)
            {
                result.AddError("--hours must be 1 to 2160.");
            }
        });
        var list = new Command("list", "All accounts with their roles");
        list.SetAction((parsed, cancellationToken) => WithAsync(parsed, async accounts =>
        {
            var all = await accounts.ListAsync(cancellationToken);
            CommandContext.Answer(parsed, all, all.Select(account => $"{account.Name,-24} {string.Join(", ", account.Roles)}{(account.HasSecondStep ? "; second step" : "")}{(account.IsDisabled ? "; disabled" : "")}"));
        }, cancellationToken, DataUse.Reads));

        var invite = new Command("invite", "A link that makes one account") { s_name, s_roles, s_hours, s_url };
        invite.SetAction((parsed, cancellationToken) => WithAsync(parsed, async accounts => AnswerLink(
            parsed,
            await accounts.InviteAsync(parsed.GetValue(s_name)!, parsed.GetValue(s_roles)!, TimeSpan.FromHours(parsed.GetValue(s_hours)), null, cancellationToken)), cancellationToken));

        var reset = new Command("reset", "A link by which the owner of an account chooses a new password") { s_name, s_hours, s_url };
        reset.SetAction((parsed, cancellationToken) => WithAsync(parsed, async accounts => AnswerLink(
            parsed,
            await accounts.ResetLinkAsync(await IdAsync(parsed, accounts, cancellationToken), TimeSpan.FromHours(parsed.GetValue(s_hours)), null, cancellationToken)), cancellationToken));

        return new Command("account", "Accounts: list, invite, new passwords, sessions")
        {
            list,
            invite,
            reset,
            Change("sign-out", "End all sessions of an account", "is signed out everywhere", (accounts, id, cancellationToken) => accounts.SignOutEverywhereAsync(id, null, cancellationToken)),
            Change("disable", "Shut an account out", "is shut out", (accounts, id, cancellationToken) => accounts.SetDisabledAsync(id, disabled: true, null, cancellationToken)),
            Change("enable", "Let an account in again", "may sign in again", (accounts, id, cancellationToken) => accounts.SetDisabledAsync(id, disabled: false, null, cancellationToken)),
            Change("delete", "End an account for good: what is personal goes, judgments stay under a pseudonym", "is no account any more", (accounts, id, cancellationToken) => accounts.CloseAsync(id, null, byOwner: false, cancellationToken)),
            Change("remove-second-step", "For who has lost the authenticator", "signs in by the password alone", (accounts, id, cancellationToken) => accounts.RemoveSecondStepAsync(id, null, cancellationToken)),
        };
    }

    private static Command Change(string verb, string description, string done, Func<AccountStore, string, CancellationToken, Task> change)
    {
        var command = new Command(verb, description) { s_name };
        command.SetAction((parsed, cancellationToken) => WithAsync(parsed, async accounts =>
        {
            await change(accounts, await IdAsync(parsed, accounts, cancellationToken), cancellationToken);
            CommandContext.Answer(parsed, new { Account = parsed.GetValue(s_name), Done = done }, [$"{parsed.GetValue(s_name)} {done}."]);
        }, cancellationToken));
        return command;
    }

    private static async Task<int> WithAsync(ParseResult parsed, Func<AccountStore, Task> act, CancellationToken cancellationToken, DataUse use = DataUse.Writes)
    {
        await using var services = await CommandContext.OpenAsync(parsed, use, cancellationToken);
        try
        {
            await act(services.GetRequiredService<AccountStore>());
        }
        catch (AccountException refused)
        {
            throw new CommandException(refused.Message, refused);
        }

        return 0;
    }

    private static async Task<string> IdAsync(ParseResult parsed, AccountStore accounts, CancellationToken cancellationToken)
    {
        var name = parsed.GetValue(s_name)!;
        return (await accounts.ListAsync(cancellationToken)).FirstOrDefault(account => account.Name.Equals(name, StringComparison.OrdinalIgnoreCase))?.Id
            ?? throw new CommandException($"There is no account '{name}'. 'account list' shows all.");
    }

    private static void AnswerLink(ParseResult parsed, string secret)
    {
        var address = parsed.GetValue(s_url)!.TrimEnd('/') + AccountStore.LinkPath(secret);
        CommandContext.Answer(parsed, new { Address = address, Hours = parsed.GetValue(s_hours) }, [address, $"It works once, within {parsed.GetValue(s_hours)} hours, and is shown this once."]);
    }
}
