using System.Text.RegularExpressions;
using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Identity;

namespace CoScientist.Web.Accounts;

/// <summary>
/// What a password must be (NIST SP 800-63B-4, section 3.1.1.2): long, not put together from what is tried first, and otherwise
/// free. Forced character classes mostly make it forgotten.
/// </summary>
internal sealed partial class PasswordRules : IPasswordValidator<Account>
{
    /// <summary>Fewest characters.</summary>
    public const int Shortest = 15;

    /// <summary>Most characters: hashing takes time in proportion.</summary>
    public const int Longest = 256;

    /// <summary>Fewest different characters among those that are left when common parts are taken away.</summary>
    private const int LeastOfItsOwn = 5;

    // Words and rows of keys from which the passwords of published leaks are made; digits that stand for letters are letters again.
    [GeneratedRegex(@"pass(word|wort|phrase|code)?|coscientist|scientist|qwert[yz]?(uiop)?|asdf(ghjkl)?|[yz]xcv(bnm)?|letmein|welcome|admin(istrator)?|iloveyou|monkey|dragon|football|baseball|sunshine|princess|superman|batman|trustno|master|login|hello|freedom|whatever|shadow|secret|starwars|changeme|default|guest|test(ing)?|user|root|computer|internet|research(er)?|science|abcdefghijklmnopqrstuvwxyz|(abc|cde|efg|ghi|ijk|klm|mno|opq|qrs|stu|uvw|xyz)+d?", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Common { get; }

    public Task<IdentityResult> ValidateAsync(UserManager<Account> manager, Account user, string? password) => Task.FromResult(Fault(password ?? "", user.UserName) is { } fault
        ? IdentityResult.Failed(new IdentityError { Code = nameof(PasswordRules), Description = fault })
        : IdentityResult.Success);

    /// <summary>What is wrong with a password and what to do; null when nothing is.</summary>
    /// <param name="password">The password.</param>
    /// <param name="name">The name it is for.</param>
    public static string? Fault(string password, string? name)
    {
        if (password.Length is < Shortest or > Longest)
        {
            return $"The password must have {Shortest} to {Longest} characters; {password.Length} are given. A short sentence is easy to keep in mind.";
        }

        if (!string.IsNullOrEmpty(name) && password.Contains(name, StringComparison.OrdinalIgnoreCase))
        {
            return "The password must not contain the name.";
        }

        var rest = Common.Replace(string.Concat(password.ToLowerInvariant().Select(Letter).Where(char.IsLetter)), "");
        return rest.Distinct().Count() < LeastOfItsOwn || password.Where(char.IsLetter).Distinct().Count() < LeastOfItsOwn
            ? "This password is among the first that are tried: it consists of common words, rows of keys, digits or repetitions. Take several words that do not belong together."
            : null;
    }

    // The usual disguises.
    private static char Letter(char c) => c switch
    {
        '0' => 'o',
        '1' or '!' or '|' => 'i',
        '3' => 'e',
        '4' or '@' => 'a',
        '5' or '$' => 's',
        '7' => 't',
        _ => c,
    };
}
