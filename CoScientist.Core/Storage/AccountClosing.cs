using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <summary>What an account has left in the data: it stays when the account is closed, for results must come out as they did.</summary>
/// <param name="Answers">Answers in studies, those taken back included.</param>
/// <param name="Decisions">Decisions and opinions on rubric items, and on goals that experts disagreed about.</param>
/// <param name="Started">Runs, imports and extractions that it started.</param>
/// <param name="Organised">Entries of studies' trails, invitations and links that it made, and studies it joined.</param>
public sealed record AccountTraces(int Answers, int Decisions, int Started, int Organised)
{
    /// <summary>Whether the account can go without a trace.</summary>
    public bool None => this is { Answers: 0, Decisions: 0, Started: 0, Organised: 0 };

    /// <summary>Counts them.</summary>
    /// <param name="db">The database.</param>
    /// <param name="id">The account.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static async Task<AccountTraces> OfAsync(CoScientistDb db, string id, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(db);
        return new AccountTraces(
            await db.Preferences.CountAsync(answer => db.Assignments.Any(assignment => assignment.Id == answer.AssignmentId && assignment.ExpertId == id), cancellationToken),
            await db.ReviewDecisions.CountAsync(decision => decision.ReviewerId == id, cancellationToken)
                + await db.ReviewOpinions.CountAsync(opinion => opinion.ReviewerId == id, cancellationToken)
                + await db.Adjudications.CountAsync(decision => decision.By == id, cancellationToken),
            await db.Runs.CountAsync(run => run.StartedBy == id, cancellationToken) + await db.LibraryJobs.CountAsync(job => job.StartedBy == id, cancellationToken),
            await db.StudyEvents.CountAsync(entry => entry.By == id, cancellationToken)
                + await db.StudyInvitations.CountAsync(invitation => invitation.CreatedBy == id, cancellationToken)
                + await db.StudyExperts.CountAsync(expert => expert.ExpertId == id, cancellationToken)
                + await db.AccountLinks.CountAsync(link => link.CreatedBy == id, cancellationToken)
                + await db.Assignments.CountAsync(assignment => assignment.ExpertId == id && !db.Preferences.Any(answer => answer.AssignmentId == assignment.Id), cancellationToken));
    }
}

/// <summary>Takes what is personal of an account out of the data, inside the caller's transaction. Ids stay where they are, so that results come out as they did.</summary>
public static class AccountClosing
{
    /// <summary>How pseudonyms begin; no name that people choose has a space.</summary>
    public const string Pseudonym = "former member ";

    /// <summary>Closes an account, or deletes it when it has left nothing.</summary>
    /// <param name="db">The database, in a transaction.</param>
    /// <param name="account">The account, tracked.</param>
    /// <param name="now">The time.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The name that stands in its place from now on.</returns>
    public static async Task<string> CloseAsync(CoScientistDb db, Account account, DateTimeOffset now, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(db);
        ArgumentNullException.ThrowIfNull(account);
        var (id, name) = (account.Id, account.UserName!);

        // The trail only grows, so that no number comes twice.
        var number = 1 + await db.AuditEntries.Where(entry => entry.About.StartsWith(Pseudonym)).Select(entry => entry.About).Distinct().CountAsync(cancellationToken);
        var pseudonym = FormattableString.Invariant($"{Pseudonym}{number}");
        var traces = await AccountTraces.OfAsync(db, id, cancellationToken);
        await ForgetNameAsync(db, id, name, pseudonym, cancellationToken);
        await db.AccountLinks.Where(link => link.AccountId == id || (link.AccountId == null && link.Name == name)).ExecuteDeleteAsync(cancellationToken);
        await db.RunNoticesSeen.Where(seen => seen.AccountId == id).ExecuteDeleteAsync(cancellationToken);
        await db.UserRoles.Where(held => held.UserId == id).ExecuteDeleteAsync(cancellationToken);
        await db.UserClaims.Where(claim => claim.UserId == id).ExecuteDeleteAsync(cancellationToken);
        await db.UserLogins.Where(login => login.UserId == id).ExecuteDeleteAsync(cancellationToken);
        await db.UserTokens.Where(token => token.UserId == id).ExecuteDeleteAsync(cancellationToken);
        if (traces.None)
        {
            db.Users.Remove(account);
            return pseudonym;
        }

        // Pairs that were kept for it are free again, and what it had begun to write goes.
        var open = db.Assignments.Where(assignment => assignment.ExpertId == id && !db.Preferences.Any(answer => answer.AssignmentId == assignment.Id && answer.UndoneAt == null));
        await db.AnswerEvents.Where(change => open.Any(assignment => assignment.Id == change.AssignmentId)).ExecuteDeleteAsync(cancellationToken);
        await open.ExecuteUpdateAsync(set => set.SetProperty(assignment => assignment.ReservedUntil, now), cancellationToken);

        (account.UserName, account.NormalizedUserName, account.DisplayName) = (pseudonym, pseudonym.ToUpperInvariant(), pseudonym);
        (account.Email, account.NormalizedEmail, account.EmailConfirmed) = (null, null, false);
        (account.PhoneNumber, account.PhoneNumberConfirmed) = (null, false);
        (account.PasswordHash, account.TwoFactorEnabled, account.AccessFailedCount) = (null, false, 0);
        (account.LockoutEnabled, account.LockoutEnd) = (true, DateTimeOffset.MaxValue);
        (account.SecurityStamp, account.ConcurrencyStamp) = (Guid.NewGuid().ToString("N"), Guid.NewGuid().ToString());
        account.ClosedAt = now;
        return pseudonym;
    }

    private static async Task ForgetNameAsync(CoScientistDb db, string id, string name, string pseudonym, CancellationToken cancellationToken)
    {
        await db.AuditEntries.Where(entry => entry.By == name).ExecuteUpdateAsync(set => set.SetProperty(entry => entry.By, pseudonym), cancellationToken);
        AuditKind[] ofAccounts = [AuditKind.Account, AuditKind.SignIn, AuditKind.Deletion];
        await db.AuditEntries.Where(entry => entry.About == name && ofAccounts.Contains(entry.Kind)).ExecuteUpdateAsync(set => set.SetProperty(entry => entry.About, pseudonym), cancellationToken);

        // An invitation for one person is labelled by that person's name, or address.
        var own = await db.StudyInvitations.Where(invitation => invitation.MaxUses == 1 && db.StudyExperts.Any(expert => expert.ExpertId == id && expert.InvitationId == invitation.Id)).ToListAsync(cancellationToken);
        foreach (var invitation in own)
        {
            var (said, study, link) = ($"invitation for {invitation.Label}", invitation.StudyId, $"studies/{invitation.StudyId}");
            var instead = $"invitation for {pseudonym}";
            await db.StudyEvents.Where(entry => entry.StudyId == study && entry.What.Contains(said)).ExecuteUpdateAsync(set => set.SetProperty(entry => entry.What, entry => entry.What.Replace(said, instead)), cancellationToken);
            await db.AuditEntries.Where(entry => entry.Link == link && entry.What.Contains(said)).ExecuteUpdateAsync(set => set.SetProperty(entry => entry.What, entry => entry.What.Replace(said, instead)), cancellationToken);
            await db.StudyInvitations.Where(other => other.Id == invitation.Id).ExecuteUpdateAsync(set => set.SetProperty(other => other.Label, pseudonym), cancellationToken);
        }
    }
}
