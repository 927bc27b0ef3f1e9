using System.Security.Cryptography;
using System.Text;
using CoScientist.Core.Studies;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Core.Storage;

/// <content>What organisers do; every step leaves an entry in the study's audit trail.</content>
public sealed partial class StudyStore
{
    /// <summary>Opens a study, pauses it, closes it, or locks a closed one for good. Answers stay in every state.</summary>
    /// <param name="id">The study.</param>
    /// <param name="state">Where it is to stand.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="by">Who does it, for the audit trail.</param>
    /// <exception cref="StudyException">There is no such study, or it cannot go there from where it is.</exception>
    public async Task SetStateAsync(StudyId id, StudyState state, CancellationToken cancellationToken, string by = "")
    {
        await ChangeAsync(id, by, study =>
        {
            if (study.State == StudyState.Locked)
            {
                throw new StudyException("This study is locked: it does not change any more. Make a new study to collect more answers.");
            }

            if (state == StudyState.Draft || (state == StudyState.Locked && study.State != StudyState.Closed))
            {
                throw new StudyException(state == StudyState.Draft ? "A study that was opened cannot become a draft again. Pause it, or make a new one." : "Close the study first; then it can be locked for good.");
            }

            study.State = state;
            return Words(state);
        }, cancellationToken);
    }

    /// <summary>Changes how many answers are wanted for each goal; possible until the first answer.</summary>
    /// <exception cref="StudyException">There is an answer, or the number is out of range.</exception>
    public async Task SetOverlapAsync(StudyId id, int? overlap, string by, CancellationToken cancellationToken)
    {
        if (overlap is < 1 or > StudyRules.MaxOverlap)
        {
            throw new StudyException($"The number of answers for each goal must be from 1 to {StudyRules.MaxOverlap}.");
        }

        await ChangeAsync(id, by, study =>
        {
            study.Overlap = overlap;
            return overlap is { } answers ? $"set the answers for each goal to {answers}" : "let every expert answer every pair";
        }, cancellationToken, beforeAnswers: true);
    }

    /// <summary>Says what a pair is for; possible until the first answer.</summary>
    /// <exception cref="StudyException">There is an answer, or a gold question without its right answer.</exception>
    public async Task SetKindAsync(ComparisonId comparison, ComparisonKind kind, PairOutcome? expected, string by, CancellationToken cancellationToken)
    {
        if (kind == ComparisonKind.Gold && expected is null)
        {
            throw new StudyException("A gold question needs its right answer.");
        }

        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var pair = await db.Comparisons.AsNoTracking().FirstOrDefaultAsync(c => c.Id == comparison, cancellationToken) ?? throw Unknown();
        await ChangeAsync(pair.StudyId, by, study =>
        {
            var changed = study.Comparisons.First(c => c.Id == comparison);
            (changed.Kind, changed.Expected) = (kind, kind == ComparisonKind.Gold ? expected : null);
            return study.Comparisons.Exists(c => c.Kind == ComparisonKind.Counts)
                ? $"made goal {changed.Order + 1} {(kind switch { ComparisonKind.Gold => "a gold question", ComparisonKind.Practice => "a practice pair", _ => "count" })}"
                : throw new StudyException("At least one goal must count.");
        }, cancellationToken, beforeAnswers: true);
    }

    /// <summary>Makes a link that lets experts in. The secret is returned here and kept nowhere.</summary>
    /// <param name="id">The study.</param>
    /// <param name="label">For whom, in the organiser's words.</param>
    /// <param name="maxUses">How many experts it lets in; null for any number.</param>
    /// <param name="lifetime">How long it holds.</param>
    /// <param name="by">Who makes it.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="StudyException">There is no such study, or the numbers are out of range.</exception>
    public async Task<string> InviteAsync(StudyId id, string label, int? maxUses, TimeSpan lifetime, string by, CancellationToken cancellationToken)
    {
        if (maxUses is < 1 || lifetime <= TimeSpan.Zero || lifetime > TimeSpan.FromDays(366))
        {
            throw new StudyException("A link lets in at least one expert and holds for at most a year.");
        }

        label = CleanText(label) is { } words ? words[..Math.Min(100, words.Length)] : "anybody";
        var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        if (!await db.Studies.AnyAsync(s => s.Id == id && s.State != StudyState.Closed && s.State != StudyState.Locked, cancellationToken))
        {
            throw new StudyException("This study takes no answers any more, so nobody can be invited.");
        }

        db.StudyInvitations.Add(new StudyInvitation
        {
            Id = TypedId.New<StudyInvitationId>(time),
            StudyId = id,
            TokenHash = Hash(secret),
            Label = label,
            MaxUses = maxUses,
            ExpiresAt = time.GetUtcNow() + lifetime,
            CreatedBy = by,
            CreatedAt = time.GetUtcNow(),
        });
        await RecordAsync(db, id, by, $"made an invitation for {label}", cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
        return secret;
    }

    /// <summary>Calls an invitation back. Experts whom it let in stay.</summary>
    public async Task RevokeAsync(StudyInvitationId invitation, string by, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        if (await db.StudyInvitations.FirstOrDefaultAsync(i => i.Id == invitation && i.RevokedAt == null, cancellationToken) is { } found)
        {
            found.RevokedAt = time.GetUtcNow();
            await RecordAsync(db, found.StudyId, by, $"called the invitation for {found.Label} back", cancellationToken);
            await db.SaveChangesAsync(cancellationToken);
        }
    }

    /// <summary>Name of the study that a link leads to.</summary>
    /// <exception cref="StudyException">The link does not hold; the message says why and what to do.</exception>
    public async Task<string> InvitedToAsync(string secret, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var (_, study) = await InvitationAsync(db, secret, expertId: null, cancellationToken);
        return study.Name;
    }

    /// <summary>Lets an expert into the study of a link. Joining twice changes nothing.</summary>
    /// <exception cref="StudyException">The link does not hold; the message says why and what to do.</exception>
    public async Task<StudyId> JoinAsync(string secret, string expertId, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(expertId);
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginAloneAsync("invitations", cancellationToken);
        var (invitation, study) = await InvitationAsync(db, secret, expertId, cancellationToken);
        if (!await db.StudyExperts.AnyAsync(e => e.StudyId == study.Id && e.ExpertId == expertId, cancellationToken))
        {
            db.StudyExperts.Add(new StudyExpert { StudyId = study.Id, ExpertId = expertId, InvitationId = invitation.Id, JoinedAt = time.GetUtcNow() });
            await RecordAsync(db, study.Id, expertId, $"joined by the invitation for {invitation.Label}", cancellationToken);
            await db.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        return study.Id;
    }

    /// <summary>Decides on a goal that experts disagree about; their answers stay. Null takes the decision back.</summary>
    /// <exception cref="StudyException">The pair does not exist, or its study is locked.</exception>
    public async Task AdjudicateAsync(ComparisonId comparison, PairOutcome? outcome, string by, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var study = await db.Studies.Where(s => s.Comparisons.Any(c => c.Id == comparison)).AsNoTracking().FirstOrDefaultAsync(cancellationToken) ?? throw Unknown();
        if (study.State == StudyState.Locked)
        {
            throw new StudyException("This study is locked: it does not change any more.");
        }

        db.Adjudications.Add(new Adjudication { Id = TypedId.New<AdjudicationId>(time), ComparisonId = comparison, Outcome = outcome, By = by, At = time.GetUtcNow() });
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Set-up of a study: its pairs, invitations and audit trail, newest entry first.</summary>
    public async Task<StudySetup?> SetupAsync(StudyId id, CancellationToken cancellationToken)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        var study = await db.Studies.AsNoTracking().Include(s => s.Comparisons).FirstOrDefaultAsync(s => s.Id == id, cancellationToken);
        if (study is null)
        {
            return null;
        }

        var goals = await db.Goals.Where(g => db.Comparisons.Any(c => c.StudyId == id && c.GoalId == g.Id)).ToDictionaryAsync(g => g.Id, g => g.Text, cancellationToken);
        var uses = await db.StudyExperts.Where(e => e.StudyId == id && e.InvitationId != null).GroupBy(e => e.InvitationId!.Value).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, cancellationToken);
        var invitations = await db.StudyInvitations.AsNoTracking().Where(i => i.StudyId == id).OrderByDescending(i => i.CreatedAt).ToListAsync(cancellationToken);
        var trail = await (
            from entry in db.StudyEvents.AsNoTracking()
            join user in db.Users on entry.By equals user.Id into users
            from user in users.DefaultIfEmpty()
            where entry.StudyId == id
            orderby entry.At descending
            select new StudyTrailEntry(entry.At, user == null ? entry.By : user.UserName ?? entry.By, entry.What)).ToListAsync(cancellationToken);
        return new StudySetup(
            study,
            [.. study.Comparisons.OrderBy(c => c.Order).Select(c => (c, goals[c.GoalId]))],
            [.. invitations.Select(i => (i, uses.GetValueOrDefault(i.Id)))],
            trail,
            await CountingAnswers(db).AnyAsync(a => a.StudyId == id, cancellationToken));
    }

    private async Task ChangeAsync(StudyId id, string by, Func<Study, string> change, CancellationToken cancellationToken, bool beforeAnswers = false)
    {
        await using var db = await factory.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.Database.HoldStudyAsync(id, cancellationToken);
        var study = await db.Studies.Include(s => s.Comparisons).FirstOrDefaultAsync(s => s.Id == id, cancellationToken) ?? throw Unknown();
        if (beforeAnswers && (study.State == StudyState.Locked || await db.Preferences.AnyAsync(p => db.Assignments.Any(a => a.Id == p.AssignmentId && db.Comparisons.Any(c => c.Id == a.ComparisonId && c.StudyId == id)), cancellationToken)))
        {
            throw new StudyException("This study has answers, so that its set-up stays as it is: answers before and after a change could not be compared. Make a new study.");
        }

        await RecordAsync(db, id, by, change(study), cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private async Task<(StudyInvitation Invitation, Study Study)> InvitationAsync(CoScientistDb db, string secret, string? expertId, CancellationToken cancellationToken)
    {
        var hash = Hash(secret ?? "");
        var invitation = await db.StudyInvitations.AsNoTracking().FirstOrDefaultAsync(i => i.TokenHash == hash, cancellationToken)
            ?? throw new StudyException("This invitation is not known. Check that the link is complete, or ask for a new one.");
        var study = await db.Studies.AsNoTracking().FirstAsync(s => s.Id == invitation.StudyId, cancellationToken);
        if (expertId is not null && await db.StudyExperts.AnyAsync(e => e.StudyId == study.Id && e.ExpertId == expertId, cancellationToken))
        {
            return (invitation, study);
        }

        var used = await db.StudyExperts.CountAsync(e => e.InvitationId == invitation.Id, cancellationToken);
        return invitation switch
        {
            { RevokedAt: not null } => throw new StudyException("This invitation was called back. Ask whoever sent it for a new one."),
            _ when invitation.ExpiresAt <= time.GetUtcNow() => throw new StudyException("This invitation has expired. Ask whoever sent it for a new one."),
            _ when used >= invitation.MaxUses => throw new StudyException("This invitation has been used. If it was you, sign in with that account; else ask for a new one."),
            _ when study.State is StudyState.Closed or StudyState.Locked => throw new StudyException("This study has been closed. Thank you for coming."),
            _ => (invitation, study),
        };
    }

    /// <summary>In the trail of the study, and in that of the application.</summary>
    private async Task RecordAsync(CoScientistDb db, StudyId study, string by, string what, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var name = db.Studies.Local.FirstOrDefault(known => known.Id == study)?.Name ?? await db.Studies.Where(known => known.Id == study).Select(known => known.Name).FirstOrDefaultAsync(cancellationToken);
        db.StudyEvents.Add(new StudyEvent { Id = TypedId.New<StudyEventId>(time), StudyId = study, By = by, What = what, At = now });
        await AuditTrail.AddAsync(db, now, by, AuditKind.Study, name ?? "", what, $"studies/{study}", cancellationToken);
    }

    private static StudyException Unknown() => new("This study does not exist. Go back to the list of studies.");

    private static string Words(StudyState state) => state switch
    {
        StudyState.Open => "opened it",
        StudyState.Paused => "paused it",
        StudyState.Closed => "closed it",
        _ => "locked it",
    };

    private static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
}
