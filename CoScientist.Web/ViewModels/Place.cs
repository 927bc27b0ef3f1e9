using System.Globalization;

namespace CoScientist.Web.ViewModels;

/// <summary>Where something stands, or how dark it is, as a class of <c>places.css</c>: style attributes are forbidden to pages.</summary>
internal static class Place
{
    /// <summary>Steps from 0 to 1.</summary>
    public const int Steps = 200;

    /// <summary>The class whose <c>--at</c> is nearest to a share.</summary>
    /// <param name="share">From -1 to 1; what lies outside stands at the end, what is no number at 0.</param>
    public static string At(double share) =>
        string.Create(CultureInfo.InvariantCulture, $"at-{(double.IsNaN(share) ? 0 : (int)Math.Round(Math.Clamp(share, -1, 1) * Steps))}");
}
