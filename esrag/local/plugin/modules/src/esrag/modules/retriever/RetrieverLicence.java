package esrag.modules.retriever;

import esrag.modules.licence.Tier;
import org.elasticsearch.license.License;
import org.elasticsearch.license.LicenseUtils;
import org.elasticsearch.license.LicensedFeature;
import org.elasticsearch.xpack.core.XPackPlugin;

/**
 * The licence that the real server asks for: both compound retrievers belong to the Enterprise tier
 * and its trial. A cluster of a lower tier refuses them, here as there, so that what is tried on
 * the local stack holds on a real one.
 */
enum RetrieverLicence {
  RRF("rrf", "Reciprocal Rank Fusion (RRF)"),
  LINEAR("linear-retriever", "linear retriever");

  private final LicensedFeature.Momentary feature;
  private final String title;

  RetrieverLicence(String name, String title) {
    this.feature = LicensedFeature.momentary(null, name, License.OperationMode.ENTERPRISE);
    this.title = title;
  }

  /** Throws the server's own refusal unless the licence in force covers the retriever. */
  void check() {
    if (Tier.refusesEnterprise() || !feature.check(XPackPlugin.getSharedLicenseState())) {
      throw LicenseUtils.newComplianceException(title);
    }
  }
}
